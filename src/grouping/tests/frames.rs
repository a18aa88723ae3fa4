//! What of a frame counts, by language.

use super::*;

fn only(platform: &str, frame: Frame) -> Vec<String> {
    leaves(&raised(platform, vec![exception("", "", vec![frame])]))
}

fn named(function: &str) -> Frame {
    Frame { function: Some(function.to_owned()), in_app: Some(true), ..Frame::default() }
}

fn in_module(module: &str) -> Frame {
    Frame { module: Some(module.to_owned()), in_app: Some(true), ..Frame::default() }
}

#[test]
fn python_takes_module_function_and_source_line() {
    let mut all = frame("shop.views", "checkout", "\ttotal  =  cart.total()\n", true);
    all.filename = Some("shop/Views.py".to_owned());
    assert_eq!(only("python", all.clone()), ["shop.views", "checkout", "total = cart.total()"]);
    all.module = None;
    assert_eq!(only("python", all), ["views.py", "checkout", "total = cart.total()"]);
}

#[test]
fn a_source_line_counts_up_to_120_characters_and_only_where_sdks_send_them() {
    let with_line = |line: String| Frame { context_line: Some(line), ..named("f") };
    assert_eq!(only("python", with_line("é".repeat(120))), ["f".to_owned(), "é".repeat(120)]);
    assert_eq!(only("python", with_line("é".repeat(121))), ["f"]);
    assert_eq!(only("python", with_line("x".repeat(9000))), ["f"]);
    for platform in ["javascript", "node", "php", "ruby"] {
        assert_eq!(only(platform, with_line("a  b".to_owned())), ["f", "a b"]);
    }
    assert_eq!(only("java", with_line("a b".to_owned())), ["f"]);
}

#[test]
fn multiprocessing_numbers_do_not_count() {
    let spawn = |numbers: &str| {
        let line = format!("from multiprocessing.spawn import spawn_main; spawn_main({numbers})");
        only("python", Frame { context_line: Some(line), filename: Some("<string>".to_owned()), ..named("<module>") })
    };
    assert_eq!(spawn("tracker_fd=13, pipe_handle=43"), spawn("tracker_fd=7, pipe_handle=8"));
}

#[test]
fn names_that_are_no_files_do_not_count() {
    for name in ["<string>", "<frozen importlib._bootstrap>", "[native code]"] {
        assert_eq!(only("python", Frame { filename: Some(name.to_owned()), ..named("f") }), ["f"]);
    }
    let from_web = Frame {
        filename: Some("/static/app.3f2a.js".to_owned()),
        abs_path: Some("https://shop.example/static/app.3f2a.js".to_owned()),
        ..named("pay")
    };
    assert_eq!(only("javascript", from_web), ["pay"]);
    let from_disk = Frame { filename: Some("file:///srv/app.js".to_owned()), ..named("pay") };
    assert_eq!(only("javascript", from_disk.clone()), ["pay"]);
    assert_eq!(only("node", from_disk), ["app.js", "pay"]);
}

#[test]
fn javascript_functions_keep_their_last_part() {
    for platform in ["javascript", "node"] {
        assert_eq!(only(platform, Frame { line: None, ..named("Object.Cart.pay") }), ["pay"]);
        for anonymous in ["?", "<anonymous>", "anonymous", "Object.<anonymous>"] {
            let frame = Frame { filename: Some("app.js".to_owned()), ..named(anonymous) };
            assert_eq!(only(platform, frame), ["app.js"]);
        }
    }
}

#[test]
fn a_minified_name_gives_way_to_the_source_line() {
    let mapped =
        |line: Option<&str>| Frame { context_line: line.map(str::to_owned), is_source_mapped: true, ..named("t") };
    assert_eq!(only("javascript", mapped(Some("pay(cart)"))), ["pay(cart)"]);
    assert_eq!(only("javascript", mapped(None)), ["t"]);
    assert_eq!(only("python", mapped(Some("pay(cart)"))), ["t", "pay(cart)"]);
}

#[test]
fn a_frame_of_another_platform_is_read_as_such() {
    let native = Frame { platform: Some("native".to_owned()), filename: Some("a.c".to_owned()), ..named("<unknown>") };
    assert_eq!(only("javascript", native.clone()), ["a.c"]);
    assert_eq!(only("java", Frame { platform: None, ..native }), ["a.c", "<unknown>"]);
}

#[test]
fn a_javascript_module_that_is_the_address_does_not_count() {
    let frame = |module: &str| Frame {
        module: Some(module.to_owned()),
        abs_path: Some("https://shop.example/static/js/app.min.js?v=3".to_owned()),
        ..named("pay")
    };
    assert_eq!(only("javascript", frame("static/js/app")), ["pay"]);
    assert_eq!(only("javascript", frame("cart/checkout")), ["cart/checkout", "pay"]);
}

#[test]
fn javascript_engine_frames_and_bare_pages_do_not_count() {
    let native = Frame { filename: Some("[native code]".to_owned()), ..named("forEach") };
    let evaluated = Frame { abs_path: Some("app.js line 3 > eval".to_owned()), ..named("run") };
    let own = Frame { filename: Some("app.js".to_owned()), ..named("pay") };
    let event = raised("javascript", vec![exception("E", "v", vec![native, evaluated, own])]);
    assert_eq!(leaves(&event), ["E", "app.js", "pay"]);

    let page = Frame {
        abs_path: Some("https://shop.example/cart?id=7".to_owned()),
        context_line: Some("<html>".to_owned()),
        ..named("?")
    };
    let mut event = raised("javascript", vec![exception("E", "v", vec![page])]);
    assert_eq!(leaves(&event), ["E", "<html>"]);
    event.request_url = Some("https://shop.example/cart".to_owned());
    assert_eq!(leaves(&event), ["E", "v"]);
}

#[test]
fn java_modules_lose_what_is_generated() {
    let rows = [
        ("com.shop.Cart$$EnhancerBySpringCGLIB$$fe3efd10", "com.shop.Cart$$<auto>"),
        ("com.shop.Cart$$FastClassBySpringCGLIB$$1a2b3c4d", "com.shop.Cart$$<auto>"),
        ("com.shop.Cart$$SpringCGLIB$$0", "com.shop.Cart$$<auto>"),
        ("com.shop.Cart_$$_javassist_seam_12", "com.shop.Cart_$$_<auto>"),
        ("com.shop.Cart_$$_jvst4ea_1", "com.shop.Cart_$$_<auto>"),
        ("com.shop.Cart$HibernateProxy$aZ09", "com.shop.Cart$HibernateProxy$<auto>"),
        ("com.sun.proxy.$Proxy42", "com.sun.proxy.$Proxy<auto>"),
        ("jdk.internal.reflect.GeneratedMethodAccessor17", "jdk.internal.reflect.GeneratedMethodAccessor<auto>"),
        ("shop.cart$fn__1234", "shop.cart$fn__<auto>"),
        ("com.shop.Cart$Item", "com.shop.Cart$Item"),
    ];
    for (module, cleaned) in rows {
        assert_eq!(only("java", in_module(module)), [cleaned]);
    }
    let lambda = Frame { module: Some("com.shop.Cart$$Lambda$17/0x1".to_owned()), ..named("lambda$pay$0") };
    let event = raised("java", vec![exception("E", "v", vec![lambda, named("pay")])]);
    assert_eq!(leaves(&event), ["E", "pay"]);
}

#[test]
fn ruby_php_and_native_functions_lose_what_is_generated() {
    assert_eq!(only("ruby", named("block (3 levels) in pay")), ["block in pay"]);
    assert_eq!(
        only("ruby", named("block in _app_views_cart_html_erb__1231_4402")),
        ["block in _app_views_cart_html_erb"]
    );
    assert_eq!(only("php", named("class@anonymous\0/srv/Cart.php:12$0::pay")), ["class@anonymous::pay"]);
    assert_eq!(only("php", named("class@anonymous\0/srv/Cart.php:12$0")), ["class@anonymous"]);
    assert_eq!(only("php", named("Cart::{closure:Cart::pay():12}")), ["Cart::{closure}"]);
    assert_eq!(only("native", Frame { filename: Some("a.c".to_owned()), ..named("<redacted>") }), ["a.c"]);
}

#[test]
fn recursion_counts_once() {
    let call = frame("shop.tree", "walk", "return walk(node.next)", true);
    let deep = raised("python", vec![exception("RecursionError", "", vec![call.clone(); 40])]);
    let shallow = raised("python", vec![exception("RecursionError", "", vec![call; 3])]);
    assert_eq!(hashes(&deep), hashes(&shallow));
    assert_eq!(leaves(&deep).len(), 4);
}

#[test]
fn paths_of_libraries_are_outside_the_application() {
    let at = |path: &str| Frame { abs_path: Some(path.to_owned()), in_app: None, ..file("x.py", false) };
    for library in [
        "/srv/venv/lib/python3.12/site-packages/django/x.py",
        "/usr/lib/python3/dist-packages/x.py",
        "/usr/lib/python3.12/json/x.py",
        "/usr/local/lib/python3.12/json/x.py",
        "/home/ann/.local/share/uv/x.py",
        "/srv/vendor/x.py",
        "C:\\venv\\Lib\\site-packages\\x.py",
    ] {
        let library = Frame { filename: Some("lib.py".to_owned()), in_app: None, ..at(library) };
        let own = Frame { in_app: None, ..at("/srv/shop/x.py") };
        let unmarked = raised("python", vec![exception("E", "", vec![own, library.clone()])]);
        assert_eq!(leaves(&unmarked), ["E", "x.py"], "{library:?}");
        // Old clients call everything theirs; of other languages the word counts.
        let marked = Frame { in_app: Some(true), ..library };
        let own = Frame { in_app: Some(true), ..at("/srv/shop/x.py") };
        let mut event = raised("python", vec![exception("E", "", vec![own, marked])]);
        assert_eq!(leaves(&event), ["E", "x.py"]);
        event.platform = "go".to_owned();
        assert_eq!(leaves(&event), ["E", "x.py", "lib.py"]);
    }
    for library in ["/srv/node_modules/express/x.js", "/usr/lib/ruby/gems/rack/x.rb"] {
        let library = Frame { filename: Some("lib.js".to_owned()), in_app: None, ..at(library) };
        let own = Frame { in_app: None, ..at("/srv/shop/x.js") };
        assert_eq!(leaves(&raised("node", vec![exception("E", "", vec![own, library])])), ["E", "x.py"]);
    }
}

#[test]
fn new_relic_does_not_count_whatever_the_client_says() {
    let agent = frame("newrelic.hooks.framework_django", "wrapper", "return wrapped()", true);
    let own = frame("shop", "pay", "x", true);
    let event = raised("python", vec![exception("E", "", vec![agent, own])]);
    assert_eq!(
        hashes(&event),
        hashes(&raised("python", vec![exception("E", "", vec![event.exceptions[0].frames[1].clone()])]))
    );
}
