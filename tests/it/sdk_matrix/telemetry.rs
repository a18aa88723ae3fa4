//! OpenTelemetry's own SDKs, in every protocol they have, and Django under `opentelemetry-instrument`.

use serde_json::json;

use super::{nothing_was_refused, waterfall};
use crate::harness::Trapline;
use crate::sdks::{Run, node_telemetry, telemetry, trace};

const GRPC: &str = "/opentelemetry.proto.collector.";

/// Where to, and nothing else.
fn towards<'s>(server: &Trapline, run: Run<'s>) -> Run<'s> {
    run.env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{}", server.address()))
}

/// Every request went to one of those services or paths, and one of each signal did.
#[track_caller]
fn all_went_over(server: &Trapline, is_grpc: bool) {
    nothing_was_refused(server);
    let ingest = server.get_json("/api/ui/ingest");
    let paths: Vec<&str> = ingest["rows"].as_array().unwrap().iter().map(|row| row["path"].as_str().unwrap()).collect();
    assert!(paths.iter().all(|path| path.starts_with(GRPC) == is_grpc), "{paths:?}");
    for (service, path) in [("trace", "traces"), ("logs", "logs"), ("metrics", "metrics")] {
        let wanted = if is_grpc { format!("{GRPC}{service}.v1.") } else { format!("/v1/{path}") };
        assert!(paths.iter().any(|path| path.starts_with(&wanted)), "{wanted} in {paths:?}");
    }
}

/// The case that has to work before any other: a project that was changed nowhere, started as the documentation of
/// OpenTelemetry says, and told the address. The distribution then speaks gRPC, whatever the port.
#[test]
fn a_django_project_under_opentelemetry_instrument_told_nothing_but_the_endpoint() {
    let server = Trapline::start();
    towards(&server, telemetry(&server, &["runserver", "/sell/7/", "/fail/8/"])).done();
    all_went_over(&server, true);

    let sold = trace(&server, "GET /sell/<int:apples>/");
    let names = waterfall(&sold);
    assert!(names.iter().any(|name| name.contains("INSERT")), "{names:?}");
    let traces = server.traces();
    let failed = traces.iter().find(|trace| trace["name"] == "GET /fail/<int:apples>/").unwrap();
    assert_eq!((&failed["http_status"], &failed["status"]), (&json!(500), &json!("error")), "{failed}");
    assert_eq!(failed["has_otel"], true);
    assert!(failed["db_span_count"].as_u64().unwrap() > 0);
}

#[test]
fn python_in_each_protocol() {
    let over_json = [("OTEL_TRACES_EXPORTER", "otlp_json_http"), ("OTEL_LOGS_EXPORTER", "otlp_json_http")];
    let over_json = [&over_json[..], &[("OTEL_METRICS_EXPORTER", "otlp_json_http")]].concat();
    let cases: [(bool, &[(&str, &str)]); 6] = [
        (true, &[]),
        (true, &[("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"), ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")]),
        (false, &[("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")]),
        (false, &[("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"), ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")]),
        (false, &[("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"), ("OTEL_EXPORTER_OTLP_COMPRESSION", "deflate")]),
        (false, &over_json),
    ];
    for (is_grpc, env) in cases {
        let server = Trapline::start();
        let run = towards(&server, telemetry(&server, &["script"])).env("OTEL_SERVICE_NAME", "till");
        env.iter().fold(run, |run, (name, value)| run.env(name, value)).done();
        all_went_over(&server, is_grpc);
        let trace = trace(&server, "count the till");
        assert_eq!(waterfall(&trace).len(), 2, "{env:?}: {trace:#}");
        assert_eq!(trace["services"], json!(["till"]), "{env:?}");
    }
}

#[test]
fn node_in_each_protocol() {
    for (protocol, compression) in
        [("grpc", "none"), ("grpc", "gzip"), ("http/protobuf", "gzip"), ("http/json", "none")]
    {
        let server = Trapline::start();
        towards(&server, node_telemetry(&server))
            .env("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)
            .env("OTEL_EXPORTER_OTLP_COMPRESSION", compression)
            .env("OTEL_SERVICE_NAME", "storefront")
            .done();
        all_went_over(&server, protocol == "grpc");
        let trace = trace(&server, "GET /sales/:id");
        assert_eq!(waterfall(&trace).len(), 2, "{protocol} {compression}: {trace:#}");
        assert_eq!(trace["services"], json!(["storefront"]), "{protocol}");
    }
}

#[test]
fn a_key_in_the_headers_of_grpc_exporters_chooses_the_project() {
    let server = Trapline::start();
    let bearer = format!("authorization=Bearer%20{}", server.key());
    let with_key = towards(&server, telemetry(&server, &["script"])).env("OTEL_EXPORTER_OTLP_HEADERS", &bearer);
    with_key.done();
    let with_key = towards(&server, node_telemetry(&server)).env("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc");
    with_key.env("OTEL_EXPORTER_OTLP_HEADERS", &bearer).done();
    all_went_over(&server, true);
    assert_eq!(server.traces().len(), 2);

    let wrong = format!("authorization=Bearer%20{}", "f".repeat(32));
    towards(&server, telemetry(&server, &["script"])).env("OTEL_EXPORTER_OTLP_HEADERS", wrong).done();
    let row = server.last_request();
    assert_eq!(row["status"], 403, "{row}");
    assert!(row["fix"].as_str().unwrap().contains("OTEL_EXPORTER_OTLP_HEADERS"), "{row}");
    assert_eq!(server.traces().len(), 2);
}
