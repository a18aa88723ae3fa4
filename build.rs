//! Embeds what `make` built of the web app, and builds without it too. Never runs a package manager.

fn main() {
    // A watched path that does not exist makes cargo build again every time; its parent tells when it comes.
    let watched = if std::path::Path::new("web/dist").exists() { "web/dist" } else { "web" };
    println!("cargo:rerun-if-changed={watched}");
    let is_release = std::env::var("PROFILE").is_ok_and(|profile| profile == "release");
    if is_release && !std::path::Path::new("web/dist/index.html").exists() {
        println!("cargo:warning=the web app is not built, so this binary will have no pages: run `make` instead");
    }
}
