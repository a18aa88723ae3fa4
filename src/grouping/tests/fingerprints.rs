//! Client fingerprints.

use super::*;

fn checkout() -> Event {
    let mut frame = frame("shop.views", "checkout", "x", true);
    frame.abs_path = Some("/srv/shop/views.py".to_owned());
    frame.filename = Some("shop/views.py".to_owned());
    frame.package = Some("shop".to_owned());
    let mut event = raised("python", vec![exception("KeyError", "row 7", vec![frame, file("lib.py", false)])]);
    event.message = Some(Message { template: None, formatted: "order 12 failed".to_owned() });
    event.transaction = Some("/checkout/".to_owned());
    event.logger = Some("shop".to_owned());
    event.environment = Some("prod".to_owned());
    event.tags = vec![("region".to_owned(), "eu".to_owned())];
    event
}

fn with(values: &[&str], mut event: Event) -> Event {
    event.fingerprint = Some(values.iter().map(|value| (*value).to_owned()).collect());
    event
}

#[test]
fn variables_take_their_values_from_the_event() {
    let rows = [
        ("{{ transaction }}", "/checkout/"),
        ("{{transaction}}", "/checkout/"),
        ("{{ message }}", "order <int> failed"),
        ("{{ error.type }}", "KeyError"),
        ("{{ type }}", "KeyError"),
        ("{{ error.value }}", "row <int>"),
        ("{{ value }}", "row <int>"),
        ("{{ stack.function }}", "checkout"),
        ("{{ function }}", "checkout"),
        ("{{ stack.abs_path }}", "/srv/shop/views.py"),
        ("{{ path }}", "/srv/shop/views.py"),
        ("{{ stack.filename }}", "shop/views.py"),
        ("{{ stack.module }}", "shop.views"),
        ("{{ module }}", "shop.views"),
        ("{{ stack.package }}", "shop"),
        ("{{ package }}", "shop"),
        ("{{ level }}", "error"),
        ("{{ logger }}", "shop"),
        ("{{ tags.region }}", "eu"),
        ("{{ tags.environment }}", "prod"),
        ("{{ tags.colour }}", "<no-value-for-tag-colour>"),
        ("{{ weather }}", "<unrecognized-variable-weather>"),
        ("order 12 failed", "order <int> failed"),
        ("row 7", "row <int>"),
        ("order 13 failed", "order 13 failed"),
        ("see {{ message }}", "see {{ message }}"),
    ];
    for (value, resolved) in rows {
        assert_eq!(leaves(&with(&[value], checkout())), [resolved], "{value}");
    }
}

#[test]
fn missing_values_have_names() {
    let names =
        ["transaction", "message", "type", "value", "function", "stack.filename", "module", "package", "logger"];
    for name in names {
        let variable = format!("{{{{ {name} }}}}");
        let resolved = format!("<no-{}>", name.trim_start_matches("stack."));
        assert_eq!(leaves(&with(&[&variable], event("python"))), [resolved]);
    }
    assert_eq!(leaves(&with(&["{{ path }}"], event("python"))), ["<no-abs-path>"]);
}

#[test]
fn default_alone_is_no_fingerprint() {
    for values in [&[][..], &["{{ default }}"], &["{{default}}"]] {
        assert_eq!(group(&with(values, checkout())), group(&checkout()));
    }
}

#[test]
fn a_hybrid_keeps_every_default_hash_apart_and_the_order_of_its_values() {
    let event = with(&["a", "{{default}}", "b"], checkout());
    assert_eq!(names(&event), [VariantName::HybridApp, VariantName::HybridSystem]);
    assert_eq!(leaves(&event), ["a", "KeyError", "shop.views", "checkout", "x", "b"]);
    assert_eq!(names(&with(&["a", "{{ default }}"], logged("hi"))), [VariantName::HybridDefault]);
    assert_eq!(leaves(&with(&["a", "{{ default }}"], logged("hi"))), ["a", "hi"]);
    assert_eq!(leaves(&with(&["a", "{{ default }}"], super::event("python"))), ["a"]);
}

#[test]
fn a_custom_fingerprint_shows_what_it_replaced() {
    let explanation = explain(&with(&["mine"], checkout()), 1).unwrap();
    assert!(explanation.variants[0].is_contributing);
    assert_eq!(explanation.variants[1].name, VariantName::App);
    assert_eq!(explanation.variants[1].component.hint.as_deref(), Some("the client sent a fingerprint"));
    assert_eq!(explanation.variants[1].hash, None);
}
