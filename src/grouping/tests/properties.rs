//! What holds for every event.

use proptest::collection::vec;
use proptest::option::{of, weighted};
use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::grouping::v1::{PARAMETERISED_BYTES_MAX, first_lines, parameterise};
use crate::model::event::{Csp, Mechanism, NsError, Template};

/// Texts that rules look for, beside any text at all.
fn text() -> impl Strategy<Value = String> {
    let known = vec![
        "",
        "?",
        " \n",
        "<string>",
        "<anonymous>",
        "[native code]",
        "native",
        "newrelic.agent",
        "shop.views",
        "Cart$$Lambda$1",
        "Cart$$EnhancerBySpringCGLIB$$1f",
        "lambda$x",
        "block (2 levels) in x",
        "class@anonymous",
        "class@anonymous\0é::",
        "{closure:x}",
        "https://x/a.js",
        "file:///a.js",
        "https://x",
        "a.b.",
        "/usr/lib/python3/x.py",
        "a\\site-packages\\x.py",
        "row 7 of 1.5",
        "x=True",
        "::1",
        "ann@x.org",
        "from multiprocessing.x import 5",
    ];
    prop_oneof![select(known).prop_map(str::to_owned), any::<String>(), "[a-f0-9:.=@'/ é\n-]{0,60}"]
}

prop_compose! {
    fn any_frame()(
        (module, function, filename, abs_path) in (of(text()), of(text()), of(text()), of(text())),
        (package, context_line) in (weighted(0.2, text()), of(text())),
        (line, column) in (of(0..3_u64), weighted(0.2, any::<u64>())),
        in_app in of(any::<bool>()),
        platform in weighted(0.1, select(vec!["native".to_owned(), "javascript".to_owned()])),
        is_source_mapped in weighted(0.2, Just(())).prop_map(|mapped| mapped.is_some()),
    ) -> Frame {
        Frame { module, function, filename, abs_path, package, context_line, line, column, in_app, platform, is_source_mapped }
    }
}

prop_compose! {
    fn any_mechanism()(
        synthetic in any::<bool>(),
        (exception_id, parent_id) in (weighted(0.9, 0..6_u64), weighted(0.8, 0..6_u64)),
        is_exception_group in any::<bool>(),
        source in of(select(vec!["__cause__".to_owned(), "exceptions[0]".to_owned()])),
        code in weighted(0.1, any::<i64>()),
    ) -> Mechanism {
        let ns_error = code.map(|code| NsError { domain: source.clone(), code: Some(code) });
        Mechanism { ty: None, handled: None, synthetic, exception_id, parent_id, is_exception_group, source, ns_error }
    }
}

prop_compose! {
    fn any_exception()(
        (ty, value, module) in (of(text()), of(text()), of(text())),
        mechanism in any_mechanism(),
        frames in vec(any_frame(), 0..5),
    ) -> Exception {
        Exception { ty, value, module, mechanism, frames }
    }
}

fn any_fingerprint() -> impl Strategy<Value = Vec<String>> {
    let known =
        ["{{ default }}", "{{default}}", "{{ message }}", "{{ tags.x }}", "{{ stack.module }}", "{{", "{{}}", "{{ }}"];
    vec(prop_oneof![select(known.map(str::to_owned).to_vec()), text()], 0..4)
}

prop_compose! {
    fn any_event()(
        platform in select(vec!["python", "javascript", "node", "java", "php", "ruby", "native", "other"]),
        exceptions in vec(any_exception(), 0..6),
        thread_frames in vec(any_frame(), 0..4),
        message in of((of(text()), text())),
        (transaction, culprit, request_url) in (of(text()), of(text()), of(text())),
        fingerprint in weighted(0.3, any_fingerprint()),
        checksum in weighted(0.1, text()),
        csp in weighted(0.1, (text(), text(), text(), text(), any::<bool>())),
        template in weighted(0.1, (of(text()), of(text()))),
    ) -> Event {
        let csp = csp.map(|(effective_directive, blocked_uri, document_uri, violated_directive, local)| Csp {
            effective_directive, blocked_uri, document_uri, violated_directive, local_script_violation: local,
        });
        let template = template.map(|(filename, context_line)| Template { filename, context_line });
        let message = message.map(|(template, formatted)| Message { template, formatted });
        Event {
            exceptions, thread_frames, message, transaction, culprit, request_url, fingerprint, checksum, csp, template,
            ..event(platform)
        }
    }
}

/// Rules over the texts that events here are made of, each well formed.
fn any_rules() -> impl Strategy<Value = Rules> {
    let stack = select(vec![
        "function:* -group",
        "app:yes -app",
        "path:**/x.py v-group ^+app",
        "family:other -app v+app",
        "[ function:* ] | module:shop.* +group",
        "function:? | [ module:* ] ^-group category=telemetry",
        "category:telemetry +group max-frames=1",
        "error.type:* min-frames=2 invert-stacktrace=1",
        "!module:shop.views +app +group",
        "family:all max-frames=2",
    ]);
    let fingerprint = select(vec![
        "error.type:?* -> {{ type }} {{ default }}",
        "message:\"*row*\" -> row title=\"Row {{ stack.function }}\"",
        "path:**/x.py app:yes -> {{ stack.module }}",
        "family:other !level:fatal -> {{ default }}",
        "tags.x:* -> x",
    ]);
    (vec(stack, 0..5), vec(fingerprint, 0..3))
        .prop_map(|(stack, fingerprint)| Rules::parse(&fingerprint.join("\n"), &stack.join("\n")).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// One walk feeds both, so the reader is never told another story than the index.
    #[test]
    fn hashes_and_explanations_agree(event in any_event(), rules in any_rules()) {
        let grouping = grouping::group(&event, &rules);
        let explanation = grouping::explain(&event, grouping.version, &rules).unwrap();
        prop_assert_eq!(explanation.main_exception, grouping.main_exception);
        let explained: Vec<_> = explanation
            .variants
            .iter()
            .filter(|variant| variant.is_contributing)
            .map(|variant| (variant.name, variant.hash.unwrap()))
            .collect();
        let grouped: Vec<_> = grouping.variants.iter().map(|variant| (variant.name, variant.hash)).collect();
        prop_assert_eq!(explained, grouped);
        prop_assert!(!grouping.variants.is_empty());
        for variant in &explanation.variants {
            prop_assert_eq!(variant.component.contributes, variant.is_contributing);
            prop_assert!(variant.is_contributing || variant.component.hint.is_some());
        }
        prop_assert!(grouping.main_exception.is_none_or(|index| index < event.exceptions.len()));
        let issue_title = grouping::title(&event, &grouping);
        prop_assert!(!issue_title.title.is_empty());
        prop_assert!(issue_title.culprit.chars().count() <= 200);
    }

    #[test]
    fn places_in_a_file_never_count(event in any_event(), shift in 1..1000_u64) {
        let mut moved = event.clone();
        let frames = moved.exceptions.iter_mut().flat_map(|exception| &mut exception.frames);
        for frame in frames.chain(&mut moved.thread_frames) {
            frame.line = frame.line.map(|line| line + shift);
        }
        prop_assert_eq!(group(&moved), group(&event));
    }

    #[test]
    fn messages_of_any_kind_are_cut_and_replaced_without_panic(line in text(), times in 1..200_usize) {
        let long = line.repeat(times);
        let cut = first_lines(&long);
        prop_assert!(cut.len() <= PARAMETERISED_BYTES_MAX + "...".len());
        parameterise(&cut);
    }
}
