//! The `opentelemetry-otlp` crate: what its exporters send arrives whole, and they find nothing wrong with the answers.

use std::fmt;
use std::future::{Future, ready};
use std::net::SocketAddr;
use std::pin::Pin;

use opentelemetry::logs::{AnyValue, LogRecord as _, Logger as _, LoggerProvider as _, Severity};
use opentelemetry::metrics::MeterProvider as _;
use opentelemetry::trace::{Tracer as _, TracerProvider as _};
use opentelemetry::{Key, KeyValue};
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{LogExporter, MetricExporter, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::logs::SdkLoggerProvider;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;
use serde_json::Value;

use crate::client;
use crate::harness::Trapline;

/// The client of these tests, as the crate wants one.
struct Client(SocketAddr);

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Client")
    }
}

impl HttpClient for Client {
    fn send_bytes<'a, 'b>(
        &'a self,
        request: Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'b>>
    where
        'a: 'b,
        Self: 'b,
    {
        let mut sent = client::Request::new(self.0, request.method().as_str(), request.uri().path());
        for (name, value) in request.headers() {
            sent = sent.header(name.as_str(), value.to_str().unwrap());
        }
        let answer = sent.body(request.body().to_vec()).send();
        let response = Response::builder().status(answer.status).body(Bytes::from(answer.body));
        Box::pin(ready(response.map_err(HttpError::from)))
    }
}

fn total(column: &Value) -> f64 {
    column.as_array().unwrap().iter().filter_map(Value::as_f64).sum()
}

#[test]
fn spans_logs_and_metrics_of_the_rust_sdk_arrive() {
    let server = Trapline::start();
    let address = server.address();
    let url = |signal: &str| format!("http://{address}/v1/{signal}");
    let resource =
        Resource::builder().with_service_name("desk").with_attribute(KeyValue::new("service.version", "0.1.0")).build();

    let spans = SpanExporter::builder().with_http().with_http_client(Client(address)).with_endpoint(url("traces"));
    let traces = SdkTracerProvider::builder()
        .with_resource(resource.clone())
        .with_batch_exporter(spans.build().unwrap())
        .build();
    let records = LogExporter::builder().with_http().with_http_client(Client(address)).with_endpoint(url("logs"));
    let logs = SdkLoggerProvider::builder()
        .with_resource(resource.clone())
        .with_batch_exporter(records.build().unwrap())
        .build();
    let points = MetricExporter::builder().with_http().with_http_client(Client(address)).with_endpoint(url("metrics"));
    let metrics =
        SdkMeterProvider::builder().with_resource(resource).with_periodic_exporter(points.build().unwrap()).build();

    let meter = metrics.meter("desk");
    let (packed, took) =
        (meter.u64_counter("packed").with_unit("{order}").build(), meter.f64_histogram("took").build());
    traces.tracer("desk").in_span("pack order", |_| {
        let logger = logs.logger("desk.shelf");
        let mut record = logger.create_log_record();
        record.set_severity_number(Severity::Warn);
        record.set_body(AnyValue::Map(Box::new([(Key::new("pears"), AnyValue::Int(2))].into())));
        record.add_attribute("weight", 31.5);
        logger.emit(record);
        for n in 1..=4 {
            packed.add(n, &[KeyValue::new("country", "DE")]);
            took.record(n as f64, &[]);
        }
    });
    // Each says so when its exporter was refused.
    traces.force_flush().unwrap();
    logs.force_flush().unwrap();
    metrics.force_flush().unwrap();
    packed.add(5, &[KeyValue::new("country", "DE")]);
    metrics.force_flush().unwrap();

    assert_eq!(server.traces()[0]["name"], "pack order");
    let log = server.get_json("/api/ui/logs")["logs"][0].clone();
    assert_eq!((log["body"].as_str(), log["level"].as_str()), (Some("{\"pears\":2}"), Some("warn")), "{log}");
    assert_eq!((log["service"].as_str(), log["logger"].as_str()), (Some("desk"), Some("desk.shelf")), "{log}");
    assert_eq!(log["trace_id"], server.traces()[0]["trace_id"], "{log}");
    assert_eq!(total(&server.get_json("/api/ui/metrics/packed")["series"]["sum"]), 15.0);
    let took = server.get_json("/api/ui/metrics/took");
    assert_eq!((total(&took["series"]["count"]), total(&took["series"]["sum"])), (4.0, 10.0), "{took}");
    assert_eq!(server.outcome("trace_metric", "invalid"), 0);
}
