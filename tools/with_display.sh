#!/bin/sh
# Run a command with an invisible screen, so that windows can be tested:
#     with_display.sh COMMAND...
# SCREEN is its size, such as 1940x1200. Without Xvfb it runs as it is.
if command -v xvfb-run >/dev/null && command -v xauth >/dev/null; then
    exec xvfb-run -a -s "-screen 0 ${SCREEN:-1280x1024}x24" "$@"
fi
exec "$@"
