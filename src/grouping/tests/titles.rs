//! What issues are called.

use super::*;

fn django() -> Event {
    let mut own = frame("shop.views", "checkout", "x", true);
    own.filename = Some("shop/views.py".to_owned());
    own.line = Some(42);
    let value = "Invalid voucher BF26\nmore";
    raised("python", vec![exception("ValueError", value, vec![own, frame("django.db", "execute", "y", false)])])
}

#[test]
fn an_exception_names_type_value_and_the_last_frame_of_the_application() {
    let mut event = django();
    event.transaction = Some("/checkout/{cart_id}/".to_owned());
    let expected = IssueTitle {
        title: "ValueError: Invalid voucher BF26".to_owned(),
        culprit: "/checkout/{cart_id}/".to_owned(),
        ty: Some("ValueError".to_owned()),
        value: Some("Invalid voucher BF26".to_owned()),
        filename: Some("shop/views.py".to_owned()),
        function: Some("checkout".to_owned()),
        line: Some(42),
    };
    assert_eq!(title(&event, None), expected);
}

#[test]
fn long_values_are_cut_and_missing_ones_left_out() {
    let mut event = django();
    event.exceptions[0].value = Some("é".repeat(300));
    let cut = title(&event, None);
    assert_eq!(cut.title, format!("ValueError: {}...", "é".repeat(97)));
    assert_eq!(cut.value.unwrap().chars().count(), 256);
    event.exceptions[0].value = Some("é".repeat(100));
    assert_eq!(title(&event, None).title, format!("ValueError: {}", "é".repeat(100)));
    event.exceptions[0].value = Some(" \n".to_owned());
    assert_eq!(title(&event, None).title, "ValueError");
    event.exceptions[0].ty = None;
    assert_eq!(title(&event, None).title, "checkout");
    event.exceptions[0].frames.clear();
    assert_eq!(title(&event, None).title, "<unknown>");
    event.exceptions[0].value = Some("only this".to_owned());
    assert_eq!(title(&event, None).title, "only this");
}

#[test]
fn a_made_up_type_gives_way_to_the_function() {
    let mut event = django();
    event.exceptions[0].mechanism.synthetic = true;
    assert_eq!(title(&event, None).title, "checkout");
}

#[test]
fn the_main_exception_is_the_one_named_else_the_last() {
    let event = raised("python", vec![exception("A", "a", vec![]), exception("B", "b", vec![])]);
    assert_eq!(title(&event, None).title, "B: b");
    assert_eq!(title(&event, Some(0)).title, "A: a");
    assert_eq!(title(&event, Some(9)).title, "B: b");
}

#[test]
fn a_message_is_its_first_line() {
    assert_eq!(title(&logged("\nslow query\nSELECT"), None).title, "slow query");
    assert_eq!(title(&logged(""), None).title, "<unlabeled event>");
    assert_eq!(title(&logged(&"x".repeat(300)), None).title.len(), 256);
}

#[test]
fn the_culprit_is_the_route_else_the_place_else_the_address() {
    let mut event = django();
    event.request_url = Some("https://shop.example/".to_owned());
    assert_eq!(title(&event, None).culprit, "shop.views in checkout");
    event.exceptions[0].frames[0].module = None;
    assert_eq!(title(&event, None).culprit, "shop/views.py in checkout");
    event.platform = "javascript".to_owned();
    assert_eq!(title(&event, None).culprit, "checkout(shop/views.py)");
    event.exceptions[0].frames.clear();
    assert_eq!(title(&event, None).culprit, "https://shop.example/");
    event.request_url = None;
    assert_eq!(title(&event, None).culprit, "");
    event.transaction = Some("t".repeat(300));
    assert_eq!(title(&event, None).culprit.len(), 200);
    event.culprit = Some("said so".to_owned());
    assert_eq!(title(&event, None).culprit, "said so");
}
