# Sourced by script/demo and script/test: a Python, a virtual environment, packages. Plain sh.

say() { printf '%s\n' "$*" >&2; }

is_root() { [ "$(id -u)" = 0 ]; }

has_apt() { command -v apt-get >/dev/null 2>&1; }

# Mirrors fail now and then in mid-sync: try again.
apt_install() {
    tries=0
    until apt-get -qq update >/dev/null 2>&1 && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "$@" >/dev/null; do
        tries=$((tries + 1))
        if [ "$tries" -ge 4 ]; then
            say "apt-get could not install: $*"
            return 1
        fi
        sleep $((tries * 5))
    done
}

find_python() {
    for name in python3 python3.14 python3.13 python3.12 python3.11; do
        if command -v "$name" >/dev/null 2>&1 && "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$name"
            return 0
        fi
    done
    return 1
}

# make_environment DIRECTORY LOCKFILE: a virtual environment with what the lock file pins.
make_environment() {
    environment=$1
    lock=$2
    python=$(find_python) || true
    if [ -z "$python" ] || ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        if is_root && has_apt; then
            apt_install python3 python3-venv ca-certificates || return 1
            python=$(find_python) || { say "this needs Python 3.11 or later"; return 1; }
        else
            say "Python 3.11 or later with venv is missing; type: sudo apt-get install -y python3 python3-venv"
            return 1
        fi
    fi
    stamp=$environment/.locked
    if [ ! -f "$stamp" ] || ! cmp -s "$lock" "$stamp"; then
        rm -rf "$environment"
        "$python" -m venv "$environment" || return 1
        tries=0
        until "$environment/bin/python" -m pip install -q --disable-pip-version-check --require-hashes -r "$lock"; do
            tries=$((tries + 1))
            [ "$tries" -ge 4 ] && { say "pip could not install what $lock pins"; return 1; }
            sleep $((tries * 5))
        done
        cp "$lock" "$stamp"
    fi
    "$environment/bin/python" -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
}
