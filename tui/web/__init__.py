"""The console in the browser: one page, one WebSocket a tab, one console process a WebSocket."""
