//! `mlp`.
fn main() {}
