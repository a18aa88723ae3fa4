//! A span is found by its id alone, as a terminal or a chat shows it.

use crate::harness::Trapline;
use crate::payload::{id, otlp_request, otlp_span};
use crate::span_chunks::{EAGER, until_sealed};

#[test]
fn a_span_is_found_by_its_id_alone_before_and_after_sealing() {
    let mut server = Trapline::start();
    let spans: Vec<_> = (1..=300).map(|n| otlp_span(1 + n % 7, n, &format!("/pay/{n}/"))).collect();
    server.post("/v1/traces").json(&otlp_request(&spans)).send().expect(200);
    let found = |server: &Trapline, n: u64| server.get_json(&format!("/api/ui/spans/{n:016x}"));
    let before: Vec<_> = [1, 150, 300].map(|n| found(&server, n)).to_vec();
    assert_eq!(before[1]["trace_id"], id(1 + 150 % 7));
    assert_eq!((&before[1]["span_id"], &before[1]["name"]), (&"0000000000000096".into(), &"/pay/150/".into()));

    assert!(server.terminate().success());
    let mut server = server.with_args(&EAGER);
    server.start_again();
    until_sealed(&server);
    assert_eq!(before, [1, 150, 300].map(|n| found(&server, n)));
    // Capitals are as good.
    assert_eq!(server.get_json("/api/ui/spans/000000000000012C")["name"], "/pay/300/");
    for unknown in ["0000000000000999", "0000000000000000", "xyz", "0af7651916cd43dd8448eb211c80319c"] {
        assert_eq!(server.get(&format!("/api/ui/spans/{unknown}")).status, 404, "{unknown}");
    }
}
