"""The combinations that are tried in a real engine, as data.

Those with ``ci=True`` are run by every test run, all of them by ``make soak-rollouts``; docs/evidence.md has what came of them.
"""

from __future__ import annotations

from rollouts import Row

OLD, NEW, NEWEST = "bullseye", "bookworm", "trixie"
S15 = "1.15 static 2.31"
S27 = "1.27 static 2.36"
HOSTS_MDNS = "hosts: files mdns4_minimal [NOTFOUND=return] dns"
HOSTS_MYHOSTNAME = "hosts: files myhostname dns"
SYSTEMD = "passwd: files systemd\ngroup: files systemd"
NO_PASSWD_ENTRY = "12345"

ROWS: tuple[Row, ...] = (
    # The 2017 case: an option that the Go release does not know, a user-defined network, two containers.
    Row(build=S15, image=OLD, host="ubuntu", ci=True),
    Row(build=S15, image=OLD, ci=True),
    Row(build=S15, image=OLD, host="alibaba"),
    Row(build=S15, image=OLD, host="no-aaaa"),
    Row(build=S15, image=OLD, host="reload"),
    Row(build=S15, image=OLD, host="ubuntu", env=("GODEBUG=netdns=go",), ci=True),
    Row(build=S15, image=OLD, env=("GODEBUG=netdns=cgo",)),
    Row(build=S15, image=OLD, env=("LOCALDOMAIN=",)),
    Row(build=S15, image=OLD, env=("RES_OPTIONS=ndots:1",)),
    Row(build=S15, image=OLD, dns_opt=("edns0",)),
    Row(build=S15, image=OLD, host="ubuntu", dns_opt=("ndots:0",)),
    Row(build=S15, image=OLD, dns_opt=("single-request-reopen", "timeout:2")),
    Row(build=S15, image=OLD, dns_opt=("use-vc", "trust-ad")),
    Row(build=S15, image=OLD, host="ubuntu", network="container"),
    Row(build=S15, image=OLD, host="ubuntu", network="bridge", hosts="10.99.0.1", call="host"),
    Row(build=S15, image=OLD, host="plain", network="bridge", hosts="10.99.0.1", call="host"),
    Row(build=S15, image=OLD, host="ubuntu", network="host", hosts="10.99.0.1", call="host"),
    Row(build=S15, image=OLD, host="ubuntu", call="host"),
    Row(build=S15, image=OLD, host="ubuntu", call="host", argument="localhost"),
    Row(build=S15, image=OLD, host="ubuntu", nsswitch="hosts: dns",
        known="the second libc reads resolv.conf in whichever thread comes first: it fails or dies by chance"),
    Row(build=S15, image=OLD, nsswitch=HOSTS_MYHOSTNAME),
    Row(build="1.15 static-pie 2.31", image=OLD, host="ubuntu"),
    # The same program where the image has another glibc, or none.
    Row(build=S15, image=NEW, host="ubuntu", ci=True),
    Row(build=S15, image=NEW),
    Row(build=S15, image=NEWEST, host="ubuntu"),
    Row(build=S15, image="scratch", host="ubuntu", ci=True),
    Row(build=S15, image="scratch"),
    Row(build=S15, image="musl", host="ubuntu"),
    Row(build=S15, image=f"{OLD}-nss", host="ubuntu"),
    # Controls: programs without a way into a second libc.
    Row(build="1.15 netgo 2.31", image=NEW, host="ubuntu", ci=True),
    Row(build="1.15 osusergo 2.31", image=OLD, host="ubuntu"),
    Row(build="1.15 dynamic 2.31", image=OLD, host="ubuntu", ci=True),
    Row(build="1.15 dynamic 2.31", image=NEW, host="ubuntu"),
    Row(build="1.15 musl", image=NEW, host="ubuntu"),
    Row(build="1.15 musl", image="scratch", host="ubuntu"),
    Row(build="1.15 pure", image=OLD, host="ubuntu"),
    # A program that cannot start.
    Row(build="1.15 dynamic 2.31", image="scratch"),
    Row(build="1.27 dynamic 2.36", image=OLD, ci=True),
    Row(build="1.27 dynamic 2.36", image=NEWEST, host="ubuntu"),
    # Later Go releases know edns0 and trust-ad; none knows no-aaaa.
    Row(build="1.19 static 2.36", image=NEW, host="ubuntu"),
    Row(build="1.21 static 2.31", image=OLD, host="ubuntu"),
    Row(build="1.21 static 2.31", image=OLD, host="no-aaaa"),
    Row(build="1.21 static 2.31", image=NEW, host="no-aaaa"),
    Row(build="1.22 static 2.31", image=OLD, host="no-aaaa"),
    Row(build="1.22 static 2.31", image=NEW, dns_opt=("no-aaaa",)),
    Row(build="1.23 static 2.31", image=OLD, env=("GODEBUG=netdns=cgo",)),
    Row(build="1.23 static 2.31", image="scratch", host="no-aaaa"),
    Row(build="1.24 static 2.31", image=OLD, host="no-aaaa"),
    Row(build="1.24 static 2.31", image=NEWEST, host="no-aaaa"),
    Row(build="1.25 static 2.31", image=OLD, host="no-aaaa"),
    Row(build="1.25 static 2.31", image=OLD, host="ubuntu"),
    Row(build="1.26 static 2.31", image=OLD, host="no-aaaa"),
    Row(build="1.26 static 2.31", image=f"{OLD}-nss", host="no-aaaa"),
    Row(build="1.27 static 2.31", image=OLD, host="no-aaaa"),
    Row(build="1.27 static 2.31", image=NEW, host="alibaba"),
    Row(build="1.27 netgo 2.31", image=OLD, host="no-aaaa"),
    # glibc 2.34 and later inside: only a module that is no part of libc does harm.
    Row(build=S27, image=NEW, host="no-aaaa", ci=True),
    Row(build=S27, image=NEWEST, host="no-aaaa"),
    Row(build=S27, image=OLD, host="no-aaaa"),
    Row(build=S27, image="scratch", host="no-aaaa"),
    Row(build=S27, image=f"{NEW}+mdns", host="no-aaaa", nsswitch=HOSTS_MDNS),
    Row(build=S27, image=f"{NEWEST}+mdns", nsswitch=HOSTS_MDNS),
    Row(build=S27, image=f"{NEWEST}+mdns", nsswitch=HOSTS_MDNS, env=("GODEBUG=netdns=cgo",)),
    Row(build=S27, image=f"{NEWEST}+myhostname", nsswitch=HOSTS_MYHOSTNAME, host="no-aaaa", ci=True),
    Row(build=S27, image=f"{NEW}+myhostname", nsswitch=HOSTS_MYHOSTNAME, host="no-aaaa"),
    Row(build=S27, image=f"{OLD}+myhostname", nsswitch=HOSTS_MYHOSTNAME, host="no-aaaa"),
    Row(build="1.24 static 2.41", image=f"{NEWEST}+myhostname", nsswitch=HOSTS_MYHOSTNAME, host="no-aaaa"),
    Row(build="1.24 static 2.41", image=f"{NEW}+myhostname", nsswitch=HOSTS_MYHOSTNAME, host="no-aaaa"),
    Row(build="1.27 static 2.41", image=NEWEST, host="no-aaaa"),
    Row(build="1.27 static 2.41", image=f"{OLD}+mdns", host="no-aaaa", nsswitch=HOSTS_MDNS),
    Row(build="1.27 netgo 2.36", image=f"{NEWEST}+myhostname", nsswitch=HOSTS_MYHOSTNAME, host="no-aaaa"),
    # os/user: GODEBUG does not help.
    Row(build=S27, image=f"{NEW}+systemd", nsswitch=SYSTEMD, call="current", argument="", user=NO_PASSWD_ENTRY, ci=True),
    Row(build=S27, image=f"{NEW}+systemd", nsswitch=SYSTEMD, call="current", argument=""),
    Row(build=S27, image=f"{NEWEST}+systemd", nsswitch=SYSTEMD, call="current", argument="", user=NO_PASSWD_ENTRY),
    Row(build=S27, image=f"{NEWEST}+systemd", nsswitch=SYSTEMD, call="user", argument="nobody-of-this-name"),
    Row(build="1.27 netgo 2.36", image=f"{NEW}+systemd", nsswitch=SYSTEMD, call="current", argument="",
        user=NO_PASSWD_ENTRY, env=("USER=peer", "HOME=/")),
    Row(build=S15, image=NEW, call="current", argument=""),
    Row(build=S15, image=OLD, call="current", argument=""),
    Row(build=S15, image=OLD, call="user", argument="nobody"),
    Row(build=S15, image=OLD, call="group", argument="nogroup"),
    Row(build=S15, image=OLD, call="current", argument="", user=NO_PASSWD_ENTRY, env=("GODEBUG=netdns=go",)),
    Row(build="1.15 osusergo 2.31", image=NEW, call="current", argument=""),
    # Named ports.
    Row(build=S15, image=OLD, host="ubuntu", call="port", argument="https"),
    Row(build=S15, image=NEW, host="ubuntu", call="port", argument="https"),
    Row(build="1.27 static 2.31", image=NEW, host="no-aaaa", call="port", argument="https"),
    # Lives, but resolves otherwise than its owner means.
    Row(build="1.15 netgo 2.31", image="scratch", hosts="10.99.0.1", call="host", meant="10.99.0.1"),
    Row(build="1.27 netgo 2.31", image="scratch", hosts="10.99.0.1", call="host", meant="10.99.0.1"),
    Row(build=S15, image=OLD, nsswitch="hosts: files [NOTFOUND=return] dns", call="host", meant="nothing", ci=True),
)  # fmt: skip
