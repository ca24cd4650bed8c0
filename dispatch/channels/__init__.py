"""Channels: how a letter leaves. A channel answers with the server's last words, or raises from `dispatch.errors`."""
