"""The browser: Chromium against a real WordPress, the bridge and the sandbox gateway."""
