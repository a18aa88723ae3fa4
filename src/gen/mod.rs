//! Code generated from `proto/`, committed so that a build needs neither protoc nor a generator. `make types`
//! writes it again; a test compares.

// Generated: not ours to document or to restyle.
#[rustfmt::skip]
#[allow(unreachable_pub, clippy::all)]
#[path = "trapline.staged.v1.rs"]
pub(crate) mod staged;

#[rustfmt::skip]
#[allow(unreachable_pub, clippy::all)]
#[path = "trapline.log_chunk.v1.rs"]
pub(crate) mod log_chunk;

#[rustfmt::skip]
#[allow(unreachable_pub, clippy::all)]
#[path = "trapline.chunk.v1.rs"]
pub(crate) mod chunk;

#[cfg(test)]
mod tests {
    use std::path::Path;

    #[test]
    fn generated_code_is_what_proto_says() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let fresh = tempfile::tempdir().expect("a temp folder can be made");
        let generate = |file: &str, config: &mut prost_build::Config| {
            let files = protox::compile([file], [root.join("proto")]).expect("proto/ compiles");
            config.out_dir(fresh.path()).compile_fds(files).expect("code can be generated");
        };
        // What another file has made is named, not made again.
        let staged = "crate::gen::staged";
        generate("chunk.proto", prost_build::Config::new().extern_path(".trapline.staged.v1", staged));
        generate("staged.proto", &mut prost_build::Config::new());
        generate("log_chunk.proto", &mut prost_build::Config::new());
        for name in ["trapline.staged.v1.rs", "trapline.chunk.v1.rs", "trapline.log_chunk.v1.rs"] {
            let generated = std::fs::read_to_string(fresh.path().join(name)).expect("the file was generated");
            let committed = root.join("src/gen").join(name);
            if std::env::var_os("UPDATE_TYPES").is_some() {
                std::fs::write(&committed, &generated).expect("src/gen can be written");
            }
            let kept = std::fs::read_to_string(&committed).unwrap_or_default();
            assert!(kept == generated, "src/gen/{name} is not what proto/ says: run `make types`");
        }
    }
}
