"""Random cases for the resolver model: files, names and variables out of the words that matter, and some that do not."""

import random
from collections.abc import Sequence
from typing import Any

OPTIONS = [
    "ndots:0",
    "ndots:5",
    "ndots:",
    "ndots",
    "timeout:2",
    "timeout",
    "attempts:3",
    "attempts",
    "rotate",
    "rotate,",
    "Rotate",
    "rotate;",
    "rotate=1",
    "single-request",
    "single-request-reopen",
    "single_request",
    "use-vc",
    "usevc",
    "tcp",
    "trust-ad",
    "edns0",
    "edns0:1",
    "EDNS0",
    "no-reload",
    "no-aaaa",
    "inet6",
    "debug",
    "insecure1",
    "no-tld-query",
    "reload-period:5",
    "#",
    ";",
    "#x",
]
RESOLV_LINES = (
    "nameserver 127.0.0.1", "nameserver", "nameserver ::1", "nameserver bogus", "nameserver\t127.0.0.1", "search example.com",
    "search", "search .", "domain local", "domain", "lookup file bind", "lookup", "# comment", "; comment", " # indented",
    "\t; indented", "", "   ", "options", "sortlist 10.0.0.0", "family inet6", "nameserver: 127.0.0.1", "OPTIONS rotate",
    "nameserver 127.0.0.1 # x", "\ufeffnameserver 127.0.0.1", "#options foo", "nameserver 127.0.0.1\r", "options rotate\r",
    "\x00", "\x0boptions rotate", "options\x0brotate", "optionsrotate", "  options rotate", "\toptions foo",
)  # fmt: skip
SOURCES = [
    "files",
    "dns",
    "myhostname",
    "mdns",
    "mdns4",
    "mdns4_minimal",
    "mdns_minimal",
    "mdns6",
    "mdnsfoo",
    "MDNS",
    "resolve",
    "frob",
    "compat",
    "db",
    "nis",
    "wins",
    "mymachines",
    "FILES",
    "files,",
    "sss",
    "libvirt",
    "usrfiles",
    "files\tdns",
    "dns\tfiles",
    "\tfiles",
    "myhostnamex",
    "mdns4_minimal\t[NOTFOUND=return]",
]
CRITERIA = (
    "NOTFOUND=return", "NOTFOUND=continue", "SUCCESS=return", "SUCCESS=continue", "success=Return", "UNAVAIL=return",
    "TRYAGAIN=continue", "TRYAGAIN=3", "!UNAVAIL=return", "!SUCCESS=continue", "FOO=return", "NOTFOUND=foo", "NOTFOUND",
    "a", "a=", "=ab", "a=b", "!a=b", "!=b", "é=", "NOTFOUND = return", "NOTFOUND=return UNAVAIL=continue",
    "NOTFOUND=continue UNAVAIL=return", "UNAVAIL=return NOTFOUND=return", "", " ", " NOTFOUND=return ", "\tNOTFOUND=return",
    "SUCCESS=merge", "notfound=return=x", "ſuccess=return", "TRYAGAİN=return",
)  # fmt: skip
NAMES = [
    "peer0.example.com",
    "peer0",
    "localhost",
    "LOCALHOST",
    "localhost.",
    "localhost..",
    "localhost.localdomain",
    "foo.localhost",
    "foo.localhost.localdomain",
    "foo.local",
    "foo.local.",
    "FOO.LOCAL",
    "foo.local..",
    "local",
    ".local",
    "foo.locally",
    "machine7",
    "MACHINE7",
    "machine7.",
    "machine7.example.com",
    "gateway",
    "Gateway",
    "gateway.",
    "_gateway",
    "_Gateway.",
    "_outbound",
    "_outbound.",
    "_localdnsstub",
    "10.1.2.3",
    "10.1.2",
    "010.1.2.3",
    "1.2.3.256",
    "1.2.3.00004",
    "1.2.3.4.",
    ".1.2.3.4",
    "::1",
    "::",
    "1::2::3",
    "fe80::1%eth0",
    "fe80::1%",
    "fe80::1%a%b",
    "::%x",
    "%x::",
    "00001::1",
    "0000001::1",
    "12345::1",
    "::ffff:1.2.3.4",
    "::ffff:01.2.3.4",
    "::1.2.3.4%e",
    "1.2.3.4%e",
    "1:2:3:4:5:6:7:8",
    "1:2:3:4:5:6:7::",
    "1:2:3:4:5:6:7:8::",
    "::2:3:4:5:6:7:8",
    "1:2:3:4:5:6:1.2.3.4",
    "1:2:3:4:5:1.2.3.4",
    "1.2.3.4::",
    "1:",
    ":1",
    ":::",
    "1:::2",
    "::g",
    "a\\b",
    "a%b",
    ".",
    "..",
    "*",
    "a..b",
    "-foo",
    "foo_bar",
    "bücher.example",
    "foo.LOCAL",
    "١.٢.٣.٤",
    "ſocalhost",
]
PORTS = ("http", "frobnicate", "80", "+80", "-1", "--1", "+", "-", "0x50", "", "٨٠", "80 ", "http.local", "99999999999")
GODEBUGS = (
    "netdns=2", "netdns=go+2", "netdns=cgo+2", "netdns=2+go", "netdns=2+cgo", "netdns=GO+2", "netdns=bogus+2", "netdns=+2",
    "netdns=2+", "netdns=cgo+2#", "netdns=2+go#y", "netdns=cgo+2,netdns=go+2", "netdns=go+2,netdns=2", "netdns=2,netdns=go+2",
    "x=1,netdns=go+2", "netdns=cgo+2,x=1", " netdns=go,netdns=2", "netdns=cgo+2,netdns", "netdns=go+2,netdnsx=1",
    "netdns=native+2", "http2client=0", "http2client=0,x", "netdns=2+2", "netdns=2+٢go", "anetdns=go,netdns=2",
    "netdns=go+2,netdns =cgo+2", ",netdns=go+2,", "netdns=2,netdns=2+cgo,",
)  # fmt: skip
CALLS = ("host", "host", "host", "host", "ip", "dial", "port", "cname", "addr", "txt", "srv", "mx", "ns")
HOSTNAMES = ("machine7", "machine7", "machine7", "node.example.com", "x", "localhost", "peer0", "MACHINE7")


def resolv_conf(rng: random.Random) -> str | None:
    if rng.random() < 0.05:
        return None
    lines = []
    for _ in range(rng.randint(1, 4)):
        if rng.random() < 0.5:
            known = rng.random() < 0.6
            chosen = rng.choices(OPTIONS[:1] + OPTIONS[8:9] + OPTIONS[13:18] if known else OPTIONS, k=rng.randint(1, 3))
            lines.append("options " + rng.choice([" ", " ", "\t", "  "]).join(chosen))
        else:
            lines.append(rng.choice(RESOLV_LINES[:8] if rng.random() < 0.6 else RESOLV_LINES))
        if rng.random() < 0.03:
            lines.append(long_line(rng, "search "))
    return "\n".join(lines) + rng.choice(["\n", "\n", ""])


def long_line(rng: random.Random, start: str) -> str:
    """Return a line around one of the readers' limits."""
    size = rng.choice([4096, 65536]) + rng.randint(-3, 2)
    return start + "x" * (size - len(start))


def nsswitch(rng: random.Random) -> str | None:
    if rng.random() < 0.08:
        return None
    lines = []
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        key = rng.choices(
            ["hosts:", "hosts: ", " hosts :\t", "passwd:", "HOSTS:", "# hosts:", "garbage", ""],
            [9, 9, 2, 3, 1, 1, 1, 1],
        )[0]
        words: list[str] = []
        for _ in range(rng.randint(0, 4)):
            words.append(rng.choice(SOURCES[:8] if rng.random() < 0.75 else SOURCES))
            if rng.random() < 0.2:
                words.append(f"[{rng.choice(CRITERIA)}]")
        glue = rng.choice([" ", " ", " ", " ", "  ", "\t", ""]) if rng.random() < 0.15 else " "
        tail = rng.choice(["", "", "", "", "", " # dns", "#x", "\r", " [", " [NOTFOUND=return"])
        lines.append(key + glue.join(words) + tail)
        if rng.random() < 0.02:
            lines.append(long_line(rng, "passwd: "))
    return "\n".join(lines) + rng.choice(["\n", "\n", ""])


def env(rng: random.Random) -> dict[str, str]:
    found = {}
    if rng.random() < 0.15:
        found["LOCALDOMAIN"] = rng.choice(["", "x"])
    if rng.random() < 0.1:
        found["RES_OPTIONS"] = rng.choice(["", " ", "ndots:2"])
    if rng.random() < 0.1:
        found["HOSTALIASES"] = rng.choice(["", "/etc/aliases"])
    if rng.random() < 0.05:
        found[rng.choice(["localdomain", "ASR_CONFIG", "RES_CONF"])] = "x"
    if rng.random() < 0.3:
        found["GODEBUG"] = rng.choice(GODEBUGS)
    return found


def special(rng: random.Random) -> dict[str, str]:
    kinds: Sequence[str] = ("dir", "loop", "dangling", "mode000")
    return {file: rng.choice(kinds) for file in ("resolv.conf", "nsswitch.conf", "mdns.allow") if rng.random() < 0.04}


def case(seed: int, number: int) -> dict[str, Any]:
    """Return one case; the same for the same seed and number."""
    rng = random.Random(f"{seed}:{number}")
    call = rng.choice(CALLS)
    name = rng.choice(PORTS if call == "port" else NAMES if rng.random() < 0.7 else NAMES[:1])
    if call in {"cname", "addr", "host"} and rng.random() < 0.02:
        name = ""
    return {
        "id": f"{seed}:{number}",
        "call": call,
        "name": name,
        "system_hostname": rng.choice(HOSTNAMES),
        "files": {
            "resolv.conf": resolv_conf(rng),
            "nsswitch.conf": nsswitch(rng),
            "mdns.allow": rng.choice(["", "*\n"]) if rng.random() < 0.15 else None,
            "hosts": "127.0.0.1\tlocalhost\n",
        },
        "special": special(rng),
        "uid": 65534 if rng.random() < 0.1 else 0,
        "env": env(rng) if rng.random() < 0.5 else {},
    }
