"""From a claimed letter to ready bytes: the body is encoded once per notification, the head per recipient."""
