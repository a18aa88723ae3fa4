//! Texts that real interpreters printed (Python 3.11, Node 20, Java), and texts of the others written by their
//! documentation; and what must hold for any text.

use proptest::prelude::*;

use super::*;
use crate::config::STACK_EXCEPTIONS_MAX;

macro_rules! text {
    ($name:literal) => {
        include_str!(concat!("texts/", $name, ".txt"))
    };
}

#[track_caller]
fn read(language: Language, text: &str) -> Vec<Exception> {
    let found = parse(text, Some(language)).expect("understood");
    assert_eq!(found.language, language);
    found.exceptions
}

/// `module:type: value`, each frame below it as `file:line function source`; those of libraries in brackets.
fn shown(exceptions: &[Exception]) -> Vec<String> {
    let mut lines = Vec::new();
    for exception in exceptions {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        lines.push(format!("{}:{}: {}", text(&exception.module), text(&exception.ty), text(&exception.value)));
        for frame in &exception.frames {
            let line = frame.line.map(|line| line.to_string()).unwrap_or_default();
            let name = frame.filename.as_ref().or(frame.module.as_ref()).cloned().unwrap_or_default();
            let mut shown = format!("{name}:{line} {}", text(&frame.function));
            if let Some(source) = &frame.context_line {
                shown.push_str(&format!(" | {source}"));
            }
            lines.push(if frame.in_app == Some(true) { shown } else { format!("[{shown}]") });
        }
    }
    lines
}

/// Id, parent, source and whether it is a group.
fn tree(exceptions: &[Exception]) -> Vec<(Option<u64>, Option<u64>, &str, bool)> {
    let mechanisms = exceptions.iter().map(|exception| &exception.mechanism);
    mechanisms.map(|m| (m.exception_id, m.parent_id, m.source.as_deref().unwrap_or(""), m.is_exception_group)).collect()
}

#[test]
fn python_has_frames_with_their_source() {
    let found = read(Language::Python, text!("python-plain"));
    assert_eq!(
        shown(&found),
        [
            ":KeyError: 'price'",
            "srv/shop/gen.py:5 save | fn()",
            "srv/shop/gen.py:69 <lambda> | save(\"python-plain.txt\", lambda: price_of({}))",
            "srv/shop/gen.py:15 price_of | return cart[\"price\"]",
        ]
    );
    assert_eq!(found[0].frames[0].abs_path.as_deref(), Some("/srv/shop/gen.py"));
    assert_eq!(tree(&found), [(None, None, "", false)]);
}

#[test]
fn python_chains_are_oldest_first_and_say_cause_from_context() {
    let found = read(Language::Python, text!("python-chained"));
    assert_eq!(
        shown(&found),
        [
            ":KeyError: 'price'",
            "srv/shop/gen.py:19 checkout | return price_of(cart)",
            "srv/shop/gen.py:15 price_of | return cart[\"price\"]",
            ":PriceError: no price\nin this cart",
            "srv/shop/gen.py:25 chained | checkout({})",
            "srv/shop/gen.py:21 checkout | raise PriceError(\"no price\\nin this cart\") from exc",
            "json.decoder:JSONDecodeError: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)",
            "srv/shop/gen.py:5 save | fn()",
            "srv/shop/gen.py:27 chained | json.loads(\"{\")",
            "[json/__init__.py:346 loads | return _default_decoder.decode(s)]",
            "[json/decoder.py:337 decode | obj, end = self.raw_decode(s, idx=_w(s, 0).end())]",
            "[json/decoder.py:353 raw_decode | obj, end = self.scan_once(s, idx)]",
        ]
    );
    assert_eq!(
        tree(&found),
        [(None, None, "__cause__", false), (None, None, "__context__", false), (None, None, "", false)]
    );
    assert_eq!(found[2].frames[2].module.as_deref(), Some("json"));
}

#[test]
fn python_groups_are_numbered_as_the_sdk_does() {
    let found = read(Language::Python, text!("python-group"));
    let names: Vec<_> = found.iter().map(|e| (e.ty.as_deref().unwrap(), e.value.as_deref().unwrap())).collect();
    assert_eq!(
        names,
        [
            ("KeyError", "'never raised'"),
            ("FileNotFoundError", "[Errno 2] no"),
            ("ValueError", "one"),
            ("ExceptionGroup", "inner (2 sub-exceptions)"),
            ("TypeError", "bad | cart"),
            ("KeyError", "'price'"),
            ("PriceError", "no price\nin this cart"),
            ("ExceptionGroup", "two carts (4 sub-exceptions)"),
        ]
    );
    assert_eq!(
        tree(&found),
        [
            (Some(7), Some(0), "exceptions[3]", false),
            (Some(6), Some(4), "exceptions[1]", false),
            (Some(5), Some(4), "exceptions[0]", false),
            (Some(4), Some(0), "exceptions[2]", true),
            (Some(3), Some(0), "exceptions[1]", false),
            (Some(2), Some(0), "__cause__", false),
            (Some(1), Some(0), "exceptions[0]", false),
            (Some(0), None, "", true),
        ]
    );
    let frames: Vec<usize> = found.iter().map(|exception| exception.frames.len()).collect();
    assert_eq!(frames, [0, 0, 0, 0, 1, 2, 2, 2]);
}

#[test]
fn a_python_group_may_be_the_cause_of_what_was_raised() {
    let found = read(Language::Python, text!("python-group-cause"));
    let raised = found.last().unwrap();
    assert_eq!((raised.ty.as_deref(), raised.frames.len()), (Some("PriceError"), 2));
    assert_eq!(found.len(), 9);
    assert_eq!(tree(&found)[7], (Some(1), Some(0), "__cause__", true));
    assert_eq!(tree(&found)[6], (Some(2), Some(1), "exceptions[0]", false));
}

#[test]
fn python_notes_are_lines_of_the_value_and_recursion_is_told_once() {
    let found = read(Language::Python, text!("python-notes"));
    assert_eq!(found[0].value.as_deref(), Some("'price'\ncart 7\nof ann"));
    let found = read(Language::Python, text!("python-recursion"));
    assert_eq!(found[0].ty.as_deref(), Some("RecursionError"));
    assert!(found[0].frames.len() < 10, "{:?}", shown(&found));
    assert_eq!(found[0].frames.last().unwrap().function.as_deref(), Some("recurse"));
}

#[test]
fn a_python_syntax_error_says_where_as_its_text_does() {
    let found = read(Language::Python, text!("python-syntax"));
    assert_eq!(found[0].value.as_deref(), Some("'(' was never closed (plugin.py, line 1)"));
    assert_eq!(found[0].frames.last().unwrap().function.as_deref(), Some("syntax"));
}

#[test]
fn python_names_of_classes_are_told_from_their_modules() {
    for (name, expected) in [
        ("KeyError", (None, "KeyError")),
        ("builtins.KeyError", (None, "KeyError")),
        ("shop.models.Book.DoesNotExist", (Some("shop.models"), "Book.DoesNotExist")),
        ("json.decoder.JSONDecodeError", (Some("json.decoder"), "JSONDecodeError")),
        ("socket.gaierror", (Some("socket"), "gaierror")),
        ("shop.views.pay.<locals>.Odd", (Some("shop.views"), "pay.<locals>.Odd")),
        ("pay.<locals>.Odd", (None, "pay.<locals>.Odd")),
        ("shop.views.View.get.<locals>.Odd", (Some("shop.views"), "View.get.<locals>.Odd")),
        ("a.", (None, "a.")),
        ("", (None, "")),
    ] {
        assert_eq!(python::split_name(name), expected, "{name}");
    }
    let found = read(Language::Python, text!("python-local-class"));
    assert_eq!((found[0].ty.as_deref(), &found[0].value), (Some("local_class.<locals>.Odd"), &None));
    let found = read(Language::Python, text!("python-never-raised"));
    assert_eq!(shown(&found), [":PriceError: no price\nin this cart".replace("no price\nin this cart", "quiet")]);
    let found = read(Language::Python, text!("python-exec"));
    assert_eq!(shown(&found)[3..], ["[<string>:3 <module>]", "[<string>:2 f]"]);
}

#[test]
fn python_libraries_are_told_by_their_paths() {
    let text = |path: &str| format!("Traceback (most recent call last):\n  File \"{path}\", line 3, in f\nE: x\n");
    for (path, filename, in_app) in [
        ("/app/shop/views.py", "app/shop/views.py", true),
        ("/home/a/.venv/lib/python3.12/site-packages/django/http/request.py", "django/http/request.py", false),
        ("/usr/lib/python3/dist-packages/yaml/__init__.py", "yaml/__init__.py", false),
        ("/root/.local/share/uv/python/cpython-3.13/lib/python3.13/json/decoder.py", "json/decoder.py", false),
        ("C:\\Python312\\Lib\\json\\decoder.py", "json\\decoder.py", false),
        ("C:\\work\\shop\\shop\\views.py", "shop\\shop\\views.py", true),
        ("/src/opentelemetry/trace/__init__.py", "opentelemetry/trace/__init__.py", false),
        ("<frozen importlib._bootstrap>", "<frozen importlib._bootstrap>", false),
        ("/srv/lib/pricing.py", "srv/lib/pricing.py", true),
    ] {
        let found = read(Language::Python, &text(path));
        let frame = &found[0].frames[0];
        assert_eq!((frame.filename.as_deref(), frame.in_app), (Some(filename), Some(in_app)), "{path}");
    }
}

#[test]
fn python_lines_of_source_may_be_missing_or_many() {
    let found = read(
        Language::Python,
        "Internal Server Error: /pay\nTraceback (most recent call last):\n  File \"/a b/\"x\".py\", line 3, in <lambda>\n  \
           File \"/app/b.py\", line 9, in g\n    return f(\n        a,\n    ^^^^^^^\n        b)\n        ^^\nE",
    );
    assert_eq!(shown(&found), [":E: ", "a b/\"x\".py:3 <lambda>", "app/b.py:9 g | return f("]);
    // Cut off before the message.
    let found =
        read(Language::Python, "Traceback (most recent call last):\n  File \"/app/b.py\", line 9, in g\n    ret");
    assert_eq!(shown(&found), ["::", "app/b.py:9 g | ret"].map(|line| line.replace("::", ":: ")));
    assert_eq!(parse("nothing of the kind, really", Some(Language::Python)), None);
    assert_eq!(parse("", None), None);
}

#[test]
fn javascript_of_node_has_frames_and_causes() {
    let found = read(Language::JavaScript, text!("node-cause"));
    let lines = shown(&found);
    assert_eq!(lines[0], ":TypeError: Cannot read properties of undefined (reading 'price')");
    assert_eq!(lines[1], "[node:internal/main/run_main_module:28 ]");
    assert_eq!(lines[9], "srv/shop/gen.js:4 priceOf");
    assert_eq!(lines[10], ":PriceError: no price\nin this cart");
    assert_eq!(lines[13], "srv/shop/gen.js:5 checkout");
    assert_eq!((found[0].frames[8].column, found[0].mechanism.source.as_deref()), (Some(42), Some("cause")));

    let found = read(Language::JavaScript, text!("node-async"));
    let frames = ["srv/shop/gen.js:8 ", "srv/shop/gen.js:8 pay", "[<anonymous>: Array.map]", "srv/shop/gen.js:8 "];
    assert_eq!(shown(&found)[1..5], frames);
    let found = read(Language::JavaScript, text!("node-code"));
    assert_eq!(found[0].ty.as_deref(), Some("TypeError"));
    let found = read(Language::JavaScript, text!("node-enoent"));
    assert_eq!(found[0].value.as_deref(), Some("ENOENT: no such file or directory, open '/nope'"));
    assert_eq!(found[0].frames.len(), 3);
    assert_eq!(read(Language::JavaScript, text!("node-message"))[0].value.as_deref(), Some("no price\nin this cart"));
    assert_eq!(read(Language::JavaScript, text!("node-plain"))[0].frames.last().unwrap().line, Some(4));
}

#[test]
fn javascript_of_browsers_has_frames() {
    let chrome = "TypeError: x is not a function\n    at Cart.pay (https://shop.test/static/app.js?v=1:10:15)\n    \
        at async https://shop.test/static/node_modules/a/b.js:1:2\n    at eval (eval at run (https://shop.test/e.js:5:6), <anonymous>:1:1)";
    assert_eq!(
        shown(&read(Language::JavaScript, chrome)),
        [
            ":TypeError: x is not a function",
            "https://shop.test/e.js:5 eval",
            "[https://shop.test/static/node_modules/a/b.js:1 ]",
            "https://shop.test/static/app.js?v=1:10 Cart.pay",
        ]
    );
    let firefox = "pay@https://shop.test/app.js:10:15\nasync*run@https://shop.test/app.js:3:1\n\
        @https://shop.test/node_modules/@acme/b.js:1:2\n";
    assert_eq!(
        shown(&read(Language::JavaScript, firefox)),
        [
            ":: ",
            "[https://shop.test/node_modules/@acme/b.js:1 ]",
            "https://shop.test/app.js:3 run",
            "https://shop.test/app.js:10 pay",
        ]
    );
    let safari = "pay@https://shop.test/app.js:10:15\nmap@[native code]\nglobal code@https://shop.test/app.js:3:1";
    assert_eq!(
        shown(&read(Language::JavaScript, safari))[1..],
        ["https://shop.test/app.js:3 ", "[[native code]: map]", "https://shop.test/app.js:10 pay"]
    );
}

#[test]
fn java_has_causes_suppressed_ones_and_the_frames_they_share() {
    let found = read(Language::Java, text!("java-cause"));
    let names: Vec<_> = found.iter().map(|e| (e.ty.as_deref().unwrap(), e.mechanism.source.as_deref())).collect();
    assert_eq!(
        names,
        [
            ("IllegalStateException", Some("suppressed[0]")),
            ("NullPointerException", Some("cause")),
            ("RuntimeException", None)
        ]
    );
    assert_eq!(found[2].value.as_deref(), Some("not paid\nat all"));
    assert_eq!(found[2].module.as_deref(), Some("java.lang"));
    let counts: Vec<usize> = found.iter().map(|exception| exception.frames.len()).collect();
    assert_eq!(counts, [10, 10, 9]);
    let last = |exception: &Exception| exception.frames.last().cloned().unwrap();
    assert_eq!(last(&found[0]).module.as_deref(), Some("Shop$Conn"));
    assert_eq!((last(&found[1]).function.as_deref(), last(&found[1]).line), (Some("charge"), Some(3)));
    // What `... 9 more` stands for.
    assert_eq!(found[1].frames[8].function.as_deref(), Some("pay"));
    assert_eq!(found[1].frames[0].in_app, Some(false));
    assert_eq!(found[1].frames[0].module.as_deref(), Some("com.sun.tools.javac.launcher.Main"));
}

#[test]
fn go_has_the_frames_of_the_goroutine_that_failed() {
    let text = "panic: runtime error: index out of range [5] with length 3\n\ngoroutine 18 [running]:\n\
        panic({0x1, 0x2})\n\t/usr/local/go/src/runtime/panic.go:770 +0x132\n\
        github.com/acme/shop/cart.(*Cart).Pay(0xc0000b2000, {0x1, 0x2})\n\t/app/cart/cart.go:12 +0x1d\n\
        main.main.func1()\n\t/app/main.go:8 +0x25\n\
        net/http.HandlerFunc.ServeHTTP(0x0?)\n\t/usr/local/go/src/net/http/server.go:2171 +0x29\n\
        created by net/http.(*Server).Serve in goroutine 1\n\t/usr/local/go/src/net/http/server.go:3285 +0x4b4\n\n\
        goroutine 1 [IO wait]:\nmain.other()\n\t/app/main.go:99 +0x1\nexit status 2\n";
    let found = read(Language::Go, text);
    assert_eq!(
        shown(&found),
        [
            ":panic: runtime error: index out of range [5] with length 3",
            "[net/http/server.go:3285 (*Server).Serve]",
            "[net/http/server.go:2171 HandlerFunc.ServeHTTP]",
            "app/main.go:8 main.func1",
            "cart/cart.go:12 (*Cart).Pay".replace("cart/cart.go", "app/cart/cart.go").as_str(),
        ]
    );
    assert_eq!(found[0].frames[3].module.as_deref(), Some("github.com/acme/shop/cart"));
    // What the SDK records has no panic, and begins with the SDK.
    let recorded = "goroutine 1 [running]:\nruntime/debug.Stack()\n\t/usr/local/go/src/runtime/debug/stack.go:24 +0x5e\n\
        go.opentelemetry.io/otel/sdk/trace.recordStackTrace()\n\t/go/pkg/mod/go.opentelemetry.io/otel/sdk@v1.28.0/trace/span.go:1 +0x1\n\
        main.pay(...)\n\t/app/main.go:7 +0x1\n";
    let found = read(Language::Go, recorded);
    let apps: Vec<_> = found[0].frames.iter().map(|frame| frame.in_app).collect();
    assert_eq!((apps, &found[0].ty), (vec![Some(true), Some(false)], &None));
}

#[test]
fn ruby_has_frames_types_and_causes() {
    let text = "/app/models/cart.rb:12:in `pay': no price\nfor this cart (Shop::PriceError)\n\
        \tfrom /app/controllers/carts_controller.rb:8:in `block in create'\n\
        \tfrom /usr/local/bundle/gems/rack-3.0/lib/rack/handler.rb:4:in `call'\n\
        /app/models/cart.rb:10:in `fetch': key not found: :price (KeyError)\n\tfrom /app/models/cart.rb:10:in `pay'\n";
    let found = read(Language::Ruby, text);
    assert_eq!(
        shown(&found),
        [
            ":KeyError: key not found: :price",
            "app/models/cart.rb:10 pay",
            "app/models/cart.rb:10 fetch",
            ":: no price\nfor this cart (Shop::PriceError)",
            "[lib/rack/handler.rb:4 call]",
            "app/controllers/carts_controller.rb:8 block in create",
            "app/models/cart.rb:12 pay",
        ]
    );
    let new =
        "app/cart.rb:12:in 'Cart#pay': no price (KeyError)\n\tfrom app/x.rb:3:in 'Integer#times'\n\tfrom x.rb:9\n";
    assert_eq!(
        shown(&read(Language::Ruby, new)),
        [":KeyError: no price", "x.rb:9 ", "app/x.rb:3 Integer#times", "app/cart.rb:12 Cart#pay"]
    );
    let bare = "/app/cart.rb:12:in `pay'\n/usr/lib/ruby/3.1.0/set.rb:5:in `each'\n";
    assert_eq!(shown(&read(Language::Ruby, bare)), [":: ", "[ruby/3.1.0/set.rb:5 each]", "app/cart.rb:12 pay"]);
}

#[test]
fn php_has_frames_where_calls_were_made_and_previous_ones() {
    let text = "PHP Fatal error:  Uncaught RuntimeException: no price in cart in /app/src/Cart.php:12\nStack trace:\n\
        #0 /app/src/Shop.php(8): App\\Cart->price(Object(App\\Item), 'a: b')\n#1 {main}\n\n\
        Next LogicException in /app/src/Shop.php:10\nStack trace:\n\
        #0 [internal function]: App\\Shop->pay(1)\n#1 /app/vendor/acme/run.php(3): array_map(Object(Closure))\n\
        #2 /app/index.php(5): {closure}()\n#3 {main}\n  thrown in /app/src/Shop.php on line 10\n";
    let found = read(Language::Php, text);
    assert_eq!(
        shown(&found),
        [
            ":RuntimeException: no price in cart",
            "app/src/Shop.php:8 ",
            "app/src/Cart.php:12 App\\Cart->price",
            ":LogicException: ",
            "app/index.php:5 ",
            "[vendor/acme/run.php:3 {closure}]",
            "[: array_map]",
            "app/src/Shop.php:10 App\\Shop->pay",
        ]
    );
    assert_eq!(found[0].mechanism.source.as_deref(), Some("cause"));
    // What OpenTelemetry's SDK for PHP writes.
    let java_like = "RuntimeException: no price\n at App.Cart.price(Cart.php:12)\n at {main}(index.php:5)\n";
    let found = parse(java_like, Some(Language::Php)).unwrap();
    assert_eq!(shown(&found.exceptions)[1..], ["index.php:5 {main}", "Cart.php:12 price"]);
}

#[test]
fn dotnet_has_inner_exceptions_before_what_they_led_to() {
    let text = "System.InvalidOperationException: not paid\n ---> Shop.PriceException: no price\nat all\n\
        \x20  at Shop.Cart.Price(Int32 id, List`1 items) in /app/Cart.cs:line 12\n\
        \x20  at System.Linq.Enumerable.First[T](IEnumerable`1 source)\n\
        \x20  --- End of inner exception stack trace ---\n\
        \x20  at Shop.Cart.<Pay>d__3.MoveNext() in C:\\app\\Cart.cs:line 30\n\
        --- End of stack trace from previous location ---\n\
        \x20  at Microsoft.AspNetCore.Mvc.Run()\n";
    let found = read(Language::DotNet, text);
    assert_eq!(
        shown(&found),
        [
            "Shop:PriceException: no price\nat all",
            "[System.Linq.Enumerable: First[T]]",
            "app/Cart.cs:12 Price",
            "System:InvalidOperationException: not paid",
            "[Microsoft.AspNetCore.Mvc: Run]",
            "C:\\app\\Cart.cs:30 Pay",
        ]
    );
    let many = "System.AggregateException: One or more errors occurred. (a) (b)\n ---> System.Exception: a\n\
        \x20  at A.B.C() in /app/a.cs:line 1\n   --- End of inner exception stack trace ---\n\
        \x20  at A.B.All() in /app/a.cs:line 9\n ---> (Inner Exception #1) System.Exception: b\n\
        \x20  at A.B.D() in /app/a.cs:line 2<---\n";
    let names: Vec<_> = read(Language::DotNet, many).into_iter().map(|e| (e.value.unwrap(), e.frames.len())).collect();
    assert_eq!(names.iter().map(|(_, frames)| *frames).collect::<Vec<_>>(), [1, 1, 1]);
    assert_eq!(names[2].0, "One or more errors occurred. (a) (b)");
}

#[test]
fn rust_has_the_frames_below_the_panic() {
    let text = "\nthread 'main' panicked at src/cart.rs:4:5:\nno price\nstack backtrace:\n\
        \x20  0: rust_begin_unwind\n             at /rustc/9fc6b431/library/std/src/panicking.rs:665:5\n\
        \x20  1: core::panicking::panic_fmt\n             at /rustc/9fc6b431/library/core/src/panicking.rs:74:14\n\
        \x20  2: shop::cart::pay\n             at ./src/cart.rs:4:5\n\
        \x20  3: tokio::runtime::run\n             at /root/.cargo/registry/src/index-1/tokio-1.4/src/a.rs:3:4\n\
        \x20  4: shop::main\n             at ./src/main.rs:9:1\n\
        \x20  5: core::ops::function::FnOnce::call_once\n             at /rustc/9fc6b431/library/core/src/ops/function.rs:250:5\n\
        note: Some details are omitted\n";
    assert_eq!(
        shown(&read(Language::Rust, text)),
        [
            ":panic: no price",
            "[src/ops/function.rs:250 core::ops::function::FnOnce::call_once]",
            "src/main.rs:9 shop::main",
            "[tokio-1.4/src/a.rs:3 tokio::runtime::run]",
            "src/cart.rs:4 shop::cart::pay",
        ]
    );
    let old = "thread 'main' panicked at 'a, b', src/a.rs:1:2\nstack backtrace:\n   0:     0x55 - shop::pay::h0123456789abcdef\n";
    assert_eq!(shown(&read(Language::Rust, old)), [":panic: a, b", ": shop::pay"]);
}

#[test]
fn a_language_that_was_not_said_is_found_by_its_frames() {
    for (text, language) in [
        (text!("python-group"), Language::Python),
        (text!("java-cause"), Language::Java),
        (text!("node-cause"), Language::JavaScript),
        ("RuntimeException: x in /a.php:1\nStack trace:\n#0 /b.php(2): f()\n#1 {main}\n", Language::Php),
        ("panic: x\n\ngoroutine 1 [running]:\nmain.main()\n\t/a.go:1 +0x1\n", Language::Go),
        ("/a.rb:1:in `f': x (E)\n\tfrom /b.rb:2:in `g'\n", Language::Ruby),
        ("System.Exception: x\n   at A.B.C(Int32 a) in /a.cs:line 3\n", Language::DotNet),
        ("   0: shop::pay\n             at ./src/a.rs:4:5\n", Language::Rust),
    ] {
        assert_eq!(parse(text, None).map(|found| found.language), Some(language), "{text}");
        // Or when another was said.
        let other = if language == Language::Go { Language::Php } else { Language::Go };
        assert_eq!(parse(text, Some(other)).map(|found| found.language), Some(language), "{text}");
    }
    assert_eq!(parse("Something: went wrong\nin many\nlines", None), None);
}

fn check(text: &str, language: Language) {
    let Some(found) = parse(text, Some(language)) else { return };
    assert!(!found.exceptions.is_empty() && found.exceptions.len() <= STACK_EXCEPTIONS_MAX);
    for exception in &found.exceptions {
        assert!(exception.frames.len() <= STACK_FRAMES_MAX);
        assert!(exception.value.as_ref().is_none_or(|value| value.chars().count() <= STACK_VALUE_CHARS_MAX));
    }
}

/// Whatever lines real texts are made of, in any order, cut anywhere.
fn mixed_text() -> impl Strategy<Value = String> {
    let sources = [
        text!("python-group-cause"),
        text!("python-chained"),
        text!("python-syntax"),
        text!("node-cause"),
        text!("java-cause"),
        "panic: x\n\ngoroutine 1 [running]:\nmain.f(0x1, {0x2})\n\t/a.go:1 +0x1\ncreated by a.b\n",
        "/a.rb:1:in `f': x (E)\n\tfrom /b.rb:2:in `g'\n#0 /b.php(2): f()\nNext E: a in /b:1\nStack trace:\n#1 {main}\n",
        " ---> A.B: x\n   at A.B.C(Int32 a) in /a.cs:line 3\n   --- End of inner exception stack trace ---\n<---\n",
        "thread 'a' panicked at 'x', a:1:2\n   0: a::b\n             at ./a.rs:4:5\nstack backtrace:\nX: y\n@\n: :\n",
    ];
    let lines: Vec<&str> = sources.iter().flat_map(|source| source.lines()).collect();
    let line = prop_oneof![
        6 => prop::sample::select(lines).prop_map(str::to_owned),
        1 => "[ -~\u{e4}\u{2028}|+]{0,20}",
    ];
    (prop::collection::vec(line, 0..40), any::<prop::sample::Index>()).prop_map(|(lines, cut)| {
        let text = lines.join("\n");
        head(&text, cut.index(text.len() + 1)).to_owned()
    })
}

proptest! {
    #[test]
    fn any_text_is_read_within_the_limits(text in mixed_text()) {
        for language in Language::ALL {
            check(&text, language);
        }
    }

    #[test]
    fn any_characters_are_read_within_the_limits(text in "\\PC{0,200}") {
        for language in Language::ALL {
            check(&text, language);
        }
    }
}

/// What would take long if any parser looked back: each line as often as the text may have it.
#[test]
fn the_longest_texts_of_one_line_each_are_read_quickly() {
    let heads = [
        text!("python-group"),
        text!("java-cause"),
        text!("node-cause"),
        "goroutine 1 [running]:\n",
        "E: x\nStack trace:\n",
        "",
    ];
    let repeated = [
        "  + Exception Group Traceback (most recent call last):",
        "  +-+---------------- 1 ----------------",
        "    +---------------- 2 ----------------",
        "  | ExceptionGroup: x",
        "\n\nThe above exception was the direct cause of the following exception:\n\nE: x",
        "  File \"/a.py\", line 1, in f",
        "Traceback (most recent call last):",
        "Caused by: a.B: c\n\tat a.B.c(D.java:1)\n\t... 200 more",
        "  [cause]: E: x",
        "\tat a.b(c.java:1)",
        "main.f((((((((",
        "#0 /a(1): f(",
        "---> A: b",
        " ---> A: b ---> C: d",
        "/a.rb:1:in `f': x (E)",
        ":::::::::::::::::::",
        "@@@@@@@@@@@@@@@@@@@",
        "   0: a::b",
    ];
    for head in heads {
        for line in repeated {
            let mut text = head.to_owned();
            let bytes = if head.is_empty() { STACK_TEXT_BYTES_MAX } else { STACK_TEXT_BYTES_MAX / 8 };
            while text.len() < bytes {
                text.push_str(line);
                text.push('\n');
            }
            for language in Language::ALL {
                check(&text, language);
            }
        }
    }
    let nested: String = (0..3_000)
        .map(|depth| format!("{}| x\n{0}+-+---------------- 1 ----------------\n", "  ".repeat(depth)))
        .collect();
    check(&format!("  + Exception Group Traceback (most recent call last):\n  | G: x\n{nested}"), Language::Python);
}
