//! Embeds what `make` built of the web app, and builds without it too. Never runs a package manager.

fn main() {
    println!("cargo:rerun-if-changed=web/dist");
    let is_release = std::env::var("PROFILE").is_ok_and(|profile| profile == "release");
    if is_release && !std::path::Path::new("web/dist/index.html").exists() {
        println!("cargo:warning=the web app is not built, so this binary will have no pages: run `make` instead");
    }
}
