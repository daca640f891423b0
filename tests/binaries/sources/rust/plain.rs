// Asks nobody.
fn main() {
    println!("{} arguments", std::env::args().count());
}
