// Looks a name up through libc's getaddrinfo, as Rust's standard library does.
use std::net::ToSocketAddrs;

fn main() {
    let name = std::env::args().nth(1).unwrap_or_default();
    println!("{:?}", (name.as_str(), 80).to_socket_addrs().map(|found| found.count()));
}
