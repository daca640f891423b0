# shellcheck shell=sh
# Sourced by script/demo and script/test: a Python, a virtual environment, packages. Plain sh.

say() { printf '%s\n' "$*" >&2; }

is_root() { [ "$(id -u)" = 0 ]; }

# Whether this script may install what is missing.
can_install() { is_root && command -v apt-get >/dev/null 2>&1; }

# Name the one line to type.
say_install() {
    if command -v sudo >/dev/null 2>&1; then
        say "Type: sudo apt-get install -y $*"
    else
        say "Type: su -c 'apt-get update && apt-get install -y $*'"
    fi
}

# Mirrors fail now and then in mid-sync: try again.
apt_install() {
    tries=0
    say "installing: $*"
    until apt-get -qq update >/dev/null && DEBIAN_FRONTEND=noninteractive \
        apt-get -qq install -y --no-install-recommends "$@" >/dev/null; do
        tries=$((tries + 1))
        if [ "$tries" -ge 4 ]; then
            say "apt-get could not install: $*"
            return 1
        fi
        sleep $((tries * 5))
    done
}

# The packages among "$@" that are not installed.
missing_packages() {
    for package in "$@"; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || printf '%s ' "$package"
    done
}

find_python() {
    for name in python3 python3.14 python3.13 python3.12 python3.11; do
        if command -v "$name" >/dev/null 2>&1 &&
            "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$name"
            return 0
        fi
    done
    return 1
}

can_make_environments() { "$1" -c 'import ensurepip, venv' 2>/dev/null; }

# Print a Python 3.11 or later that can make virtual environments, installing what it lacks.
need_python() {
    python=$(find_python) || python=""
    if [ -n "$python" ] && can_make_environments "$python"; then
        printf '%s\n' "$python"
        return 0
    fi
    if can_install; then
        apt_install python3 python3-venv ca-certificates || return 1
        python=$(find_python) || python=""
        if [ -n "$python" ] && can_make_environments "$python"; then
            printf '%s\n' "$python"
            return 0
        fi
    fi
    if [ -z "$python" ]; then
        say "Python 3.11 or later is missing; Debian has it from release 12 on."
    else
        say "$python cannot make virtual environments."
    fi
    say_install python3 python3-venv
    return 1
}

# make_environment DIRECTORY LOCKFILE: a virtual environment with what the lock file pins, and the package itself.
make_environment() {
    environment=$1
    lock=$2
    wanted=$(pwd && cat "$lock" pyproject.toml)
    if [ -x "$environment/bin/python" ] && [ "$wanted" = "$(cat "$environment/.made-of" 2>/dev/null)" ]; then
        return 0
    fi
    python=$(need_python) || return 1
    say "making $environment (a minute, once)"
    rm -rf "$environment"
    "$python" -m venv "$environment" || return 1
    tries=0
    until "$environment/bin/python" -m pip install -q --disable-pip-version-check --require-hashes -r "$lock"; do
        tries=$((tries + 1))
        [ "$tries" -ge 4 ] && { say "pip could not install what $lock pins"; return 1; }
        sleep $((tries * 5))
    done
    "$environment/bin/python" -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e . || return 1
    printf '%s\n' "$wanted" >"$environment/.made-of"
}
