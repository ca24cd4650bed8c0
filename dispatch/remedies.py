"""What to do about each fault the doctor finds, in plain words."""

REMEDIES: dict[str, dict[str, str]] = {
    "dns": {
        "ru": "Имя сервера не найдено. Проверьте его или укажите IP-адрес.",
        "en": "The server's name is not known. Check it, or give an IP address.",
    },
    "refused": {
        "ru": "На этом порту никто не отвечает. Обычно: 465 для SSL, 587 для TLS, 25 без шифрования.",
        "en": "Nobody listens on this port. Usual ones: 465 for SSL, 587 for TLS, 25 without encryption.",
    },
    "timeout": {
        "ru": "Сервер не ответил вовремя. Проверьте адрес, порт и сетевой экран.",
        "en": "The server did not answer in time. Check the address, the port and the firewall.",
    },
    "tls": {
        "ru": "Защищённое соединение не установлено. Проверьте шифрование и порт; для своего центра укажите файл CA.",
        "en": "No secure connection. Check encryption and port; for a certificate of your own, give its CA file.",
    },
    "tls_unavailable": {
        "ru": "Сервер не предлагает STARTTLS на этом порту. Выберите SSL с портом 465 или другой порт.",
        "en": "The server does not offer STARTTLS on this port. Choose SSL with port 465, or another port.",
    },
    "ca_file": {
        "ru": "Файл CA не читается. Проверьте путь и что это PEM.",
        "en": "The CA file cannot be read. Check the path, and that it is PEM.",
    },
    "auth_failed": {
        "ru": "Сервер не принял логин или пароль. Проверьте их; повторные попытки могут заблокировать учётную запись.",
        "en": "The server refused login or password. Check them; repeated tries may lock the account.",
    },
    "auth_unavailable": {
        "ru": "Сервер не предлагает аутентификацию здесь. Включите шифрование или выключите аутентификацию.",
        "en": "The server offers no authentication here. Turn encryption on, or authentication off.",
    },
    "auth_required": {
        "ru": "Сервер требует аутентификацию. Включите её и укажите логин и пароль.",
        "en": "The server wants authentication. Turn it on and give login and password.",
    },
    "throttled": {
        "ru": "Сервер сейчас занят или ограничивает подключения. Повторите позже.",
        "en": "The server is busy or limits connections. Try again later.",
    },
    "lost": {
        "ru": "Соединение прервалось. Возможно, порт ждёт другого шифрования (465 — SSL, 587 — TLS).",
        "en": "The connection was lost. The port may expect other encryption (465 SSL, 587 TLS).",
    },
    "sender": {
        "ru": "Сервер не принимает письма от этого адреса. Проверьте e-mail адрес системы и права учётной записи.",
        "en": "The server takes no letters from this address. Check the system address and the account's rights.",
    },
    "recipient": {
        "ru": "Сервер не принимает этого получателя. Проверьте адрес и разрешена ли пересылка.",
        "en": "The server does not take this recipient. Check the address, and whether relaying is allowed.",
    },
    "letter": {
        "ru": "Сервер не принял само письмо. Причина — в его ответе: размер, содержимое или права отправителя.",
        "en": "The server refused the letter itself. Its answer says why: size, content, or the sender's rights.",
    },
    "sending_parameters": {
        "ru": "Заполните параметры отправки: адрес поддержки, адрес системы, имя отправителя.",
        "en": "Fill in the sending parameters: support address, system address, sender name.",
    },
    "ews_later": {
        "ru": "Проверка и отправка через EWS появятся в следующей версии. Пока используйте SMTP.",
        "en": "Checking and sending over EWS come in the next version. Use SMTP for now.",
    },
}
FIELDS = {
    "dns": "server", "refused": "port", "timeout": "server", "tls": "encryption", "tls_unavailable": "encryption",
    "ca_file": "ca_file", "auth_failed": "password", "auth_unavailable": "authentication",
    "auth_required": "authentication", "throttled": "server", "lost": "encryption", "sender": "system_address",
    "recipient": "to", "letter": "system_address", "sending_parameters": "system_address", "ews_later": "protocol",
}  # fmt: skip
"""The setting at fault for each fault."""
STEPS = {
    "dns": "name", "refused": "connect", "timeout": "connect", "tls": "tls", "tls_unavailable": "tls", "ca_file": "tls",
    "auth_failed": "authentication", "auth_unavailable": "authentication", "auth_required": "sender",
    "throttled": "greeting", "lost": "greeting",
}  # fmt: skip
"""The step at which a fault of the connection shows."""
