"""Terminal console of Vestnik: Textual application, screens, widgets, command line."""
