//! Hashes Sentry published for its own test inputs. Equal here means: an import could link issues by hash.

use super::*;
use crate::model::event::Csp;

/// Two exceptions of one chain; the raised one never entered the application.
fn base() -> Event {
    let cause = exception("ValueError", "hello world", vec![file("foo/baz.py", true)]);
    let outer = exception("ValueError", "hello world", vec![file("foo/baz.py", false)]);
    raised("python", vec![cause, outer])
}

#[test]
fn python_exception_base_app_and_system() {
    assert_eq!(hashes(&base()), ["beb01c07d991f36b9da1e90fc7169ad8", "8c527d091797ca91a535be7b461e5059"]);
    assert_eq!(names(&base()), [VariantName::App, VariantName::System]);
    assert_eq!(leaves(&base()), ["ValueError", "baz.py", "ValueError", "hello world"]);
}

/// The frames of the published case with its rule: `v` takes out the callers.
#[test]
fn python_grouping_enhancer_away_from_crash_app_and_system() {
    let at = |path: &str, frame: Frame| Frame { abs_path: Some(path.to_owned()), ..frame };
    let frames = vec![
        at(
            "/usr/local/lib/python2.7/site-packages/django/core/handlers/base.py",
            frame("django.core.handlers.base", "get_response", "response = wrapped_callback(request)", false),
        ),
        at(
            "/usr/local/lib/python2.7/site-packages/django/views/generic/base.py",
            frame("django.views.generic.base", "view", "return self.dispatch(request, *args, **kwargs)", false),
        ),
        at("/srv/sentry/utils/views.py", frame("sentry.utils.views", "wrapped", "return view(request)", true)),
        at(
            "/srv/sentry/web/frontend/release_webhook.py",
            frame("sentry.web.frontend.release_webhook", "post", "            hook.handle(request)", true),
        ),
        at(
            "/srv/sentry_plugins/heroku/plugin.py",
            frame("sentry_plugins.heroku.plugin", "handle", "        email = request.POST['user']", true),
        ),
        at(
            "/usr/local/lib/python2.7/site-packages/django/utils/datastructures.py",
            frame(
                "django.utils.datastructures",
                "__getitem__",
                "            raise MultiValueDictKeyError(repr(key))",
                false,
            ),
        ),
    ];
    let event = raised("python", vec![exception("MultiValueDictKeyError", "\"'user'\"", frames)]);
    let rules = Rules::parse("", "path:**/release_webhook.py v-group").unwrap();
    let hashes: Vec<String> = grouping::group(&event, &rules).hashes().map(hex).collect();
    assert_eq!(hashes, ["4ec09a051686463f01ce05bffbcf3f89", "b19423b06ce0a7e46ae8b00e12804378"]);
}

#[test]
fn exception_groups_two_types_under_nested_groups() {
    let event = raised(
        "csharp",
        vec![
            groups::member("MyApp.BeansException", "Test 2", 3, Some(1)),
            groups::member("MyApp.CoolException", "Test 1", 2, Some(1)),
            groups::wrapper("System.AggregateException", "One or more errors occurred.", 1, Some(0)),
            groups::wrapper("System.AggregateException", "One or more errors occurred.", 0, None),
        ],
    );
    assert_eq!(hashes(&event), ["fca0fd23f09e8da4481304ef2a531100"]);
}

#[test]
fn hybrid_fingerprint_base() {
    let value = "FailedToFetchError: Charlie didn't bring the ball back!";
    let mut event = raised("javascript", vec![exception("FailedToFetchError", value, vec![])]);
    event.fingerprint = Some(vec!["{{ default }}".to_owned(), "dogs are great".to_owned()]);
    assert_eq!(hashes(&event), ["e3d593b4335190212ca7c18b8e967fb1"]);
    assert_eq!(names(&event), [VariantName::HybridApp]);
}

#[test]
fn custom_fingerprint_client() {
    let mut event = base();
    let values = ["celery", "SoftTimeLimitExceeded", "sentry.tasks.store.process_event"];
    event.fingerprint = Some(values.map(str::to_owned).to_vec());
    assert_eq!(hashes(&event), ["f30afa00b85f5cac5ee0bce01b31f08d"]);
    assert_eq!(names(&event), [VariantName::CustomFingerprint]);
}

#[test]
fn csp() {
    let csp = Csp {
        effective_directive: "script-src".to_owned(),
        blocked_uri: "YYY".to_owned(),
        document_uri: "http://shop.example/cart".to_owned(),
        violated_directive: "script-src http://cdn.example.com".to_owned(),
        local_script_violation: false,
    };
    let message = Message { template: None, formatted: "Blocked 'script' from 'YYY'".to_owned() };
    let event = Event { kind: EventKind::Csp, csp: Some(csp), message: Some(message), ..event("other") };
    assert_eq!(hashes(&event), ["666766514295bb52812324097cdaf53e"]);
    assert_eq!(names(&event), [VariantName::Default]);
    assert_eq!(leaves(&event), ["script-src", "YYY"]);
}

#[test]
fn logentry_uses_formatted() {
    assert_eq!(hashes(&logged("Hello there world!")), ["329b29efcf1f77067a063e34f56e7791"]);
    assert_eq!(names(&logged("Hello there world!")), [VariantName::Default]);
}

#[test]
fn nothing_at_all_is_the_hash_of_nothing() {
    assert_eq!(hashes(&event("python")), ["d41d8cd98f00b204e9800998ecf8427e"]);
    assert_eq!(names(&event("python")), [VariantName::Fallback]);
}
