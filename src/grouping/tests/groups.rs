//! Exception groups and wrappers.

use super::*;
use crate::model::event::Mechanism;

pub(super) fn member(ty: &str, value: &str, id: u64, parent: Option<u64>) -> Exception {
    let mechanism = Mechanism { exception_id: Some(id), parent_id: parent, ..Mechanism::default() };
    Exception { mechanism, ..exception(ty, value, vec![]) }
}

pub(super) fn wrapper(ty: &str, value: &str, id: u64, parent: Option<u64>) -> Exception {
    let mut wrapper = member(ty, value, id, parent);
    wrapper.mechanism.is_exception_group = true;
    wrapper
}

fn with_source(mut exception: Exception, source: &str) -> Exception {
    exception.mechanism.source = Some(source.to_owned());
    exception
}

fn task_group(members: Vec<Exception>) -> Event {
    let mut exceptions = members;
    exceptions.push(wrapper("ExceptionGroup", "unhandled errors in a TaskGroup", 0, None));
    raised("python", exceptions)
}

#[test]
fn members_that_failed_alike_are_one_exception_and_the_title() {
    let one = task_group(vec![member("ValueError", "row 1", 1, Some(0))]);
    let three = task_group(vec![
        member("ValueError", "row 3", 3, Some(0)),
        member("ValueError", "row 2", 2, Some(0)),
        member("ValueError", "row 1", 1, Some(0)),
    ]);
    assert_eq!(hashes(&one), hashes(&three));
    assert_eq!(leaves(&three), ["ValueError", "row <int>"]);
    assert_eq!(group(&three).main_exception, Some(2));
    assert_eq!(title(&three, group(&three).main_exception).title, "ValueError: row 1");
}

#[test]
fn different_members_count_once_each_in_descending_order_then_the_root() {
    let a = || member("A", "x", 1, Some(0));
    let b = |id| member("B", "x", id, Some(0));
    let event = task_group(vec![b(3), b(2), a()]);
    assert_eq!(leaves(&event), ["B", "x", "A", "x", "ExceptionGroup", "unhandled errors in a TaskGroup"]);
    assert_eq!(group(&event).main_exception, None);
    let mut finished_otherwise = task_group(vec![a(), b(2)]);
    finished_otherwise.exceptions[0].mechanism.exception_id = Some(9);
    assert_eq!(hashes(&event), hashes(&finished_otherwise));
}

#[test]
fn the_order_within_a_type_does_not_depend_on_who_failed_first() {
    let event =
        |first: &str, second: &str| task_group(vec![member("E", first, 1, Some(0)), member("E", second, 2, Some(0))]);
    assert_eq!(hashes(&event("red", "blue")), hashes(&event("blue", "red")));
}

#[test]
fn the_only_exception_brings_its_cause() {
    let event = task_group(vec![
        with_source(member("KeyError", "k", 2, Some(1)), "__cause__"),
        with_source(member("ValueError", "v", 1, Some(0)), "exceptions[0]"),
    ]);
    assert_eq!(leaves(&event), ["KeyError", "k", "ValueError", "v"]);
    assert_eq!(group(&event).main_exception, Some(1));
}

#[test]
fn what_led_to_a_group_is_not_a_member() {
    let event = task_group(vec![
        with_source(member("OSError", "o", 2, Some(0)), "__context__"),
        with_source(member("ValueError", "v", 1, Some(0)), "exceptions[0]"),
    ]);
    assert_eq!(leaves(&event), ["ValueError", "v"]);
}

#[test]
fn trees_that_are_none_count_as_a_chain() {
    let plain = ["A", "a", "B", "b", "G", "g"];
    let chain = |a: Exception, b: Exception, g: Exception| raised("python", vec![a, b, g]);
    let broken = [
        // two roots
        chain(member("A", "a", 1, None), member("B", "b", 2, Some(0)), wrapper("G", "g", 0, None)),
        // no root
        chain(member("A", "a", 1, Some(0)), member("B", "b", 2, Some(0)), wrapper("G", "g", 0, Some(0))),
        // an id twice
        chain(member("A", "a", 1, Some(0)), member("B", "b", 1, Some(0)), wrapper("G", "g", 0, None)),
        // a parent nobody knows
        chain(member("A", "a", 1, Some(7)), member("B", "b", 2, Some(0)), wrapper("G", "g", 0, None)),
        // a cycle beside the root
        chain(member("A", "a", 1, Some(2)), member("B", "b", 2, Some(1)), wrapper("G", "g", 0, None)),
        // groups and nothing in them
        chain(wrapper("A", "a", 1, Some(0)), wrapper("B", "b", 2, Some(0)), wrapper("G", "g", 0, None)),
        // no group at all
        chain(member("A", "a", 1, Some(0)), member("B", "b", 2, Some(1)), member("G", "g", 0, None)),
        // no id
        chain(exception("A", "a", vec![]), member("B", "b", 2, Some(0)), wrapper("G", "g", 0, None)),
    ];
    for event in broken {
        assert_eq!(leaves(&event), plain, "{event:?}");
        assert_eq!(group(&event).main_exception, None);
    }
    let mut alpha = task_group(vec![member("A", "a", 1, Some(0))]);
    alpha.sdk = Some("sentry.python.django/3.0.0a2".to_owned());
    assert_eq!(leaves(&alpha).len(), 4);
    alpha.sdk = Some("sentry.python.django/2.75.0".to_owned());
    assert_eq!(leaves(&alpha).len(), 2);
}

#[test]
fn deep_and_wide_groups_need_no_stack() {
    let mut exceptions: Vec<Exception> = (0..20_000).map(|id| wrapper("G", "g", id, id.checked_sub(1))).collect();
    exceptions.push(member("A", "a", 20_000, Some(19_999)));
    assert_eq!(leaves(&raised("python", exceptions)), ["A", "a"]);
}

#[test]
fn wrappers_of_frameworks_give_way_to_what_they_wrap() {
    let inner = exception("IllegalStateException", "no cart", vec![]);
    let mut rx = exception("UndeliverableException", "could not be delivered", vec![]);
    rx.module = Some("io.reactivex.rxjava3.exceptions".to_owned());
    assert_eq!(group(&raised("java", vec![inner.clone(), rx])).main_exception, Some(0));
    let react = exception("Error", "There was an error while hydrating. Because …", vec![]);
    assert_eq!(group(&raised("javascript", vec![inner.clone(), react.clone()])).main_exception, Some(0));
    assert_eq!(group(&raised("javascript", vec![react, inner])).main_exception, None);
}
