//! What comes as bytes: attachments, crash dumps, profiles and replays are kept, listed and given back as they were.

use serde_json::{Value, json};

use crate::client::{Answer, Request};
use crate::fixture::{Fixture, send};
use crate::harness::Trapline;
use crate::payload::{auth, compress, event, id, send_event, to_envelope};

const MIB: usize = 1 << 20;

/// An item with its length, as binary data needs it.
fn item(header: Value, bytes: &[u8]) -> Vec<u8> {
    let mut header = header;
    header["length"] = json!(bytes.len());
    [header.to_string().as_bytes(), b"\n", bytes, b"\n"].concat()
}

fn file(name: &str, bytes: &[u8]) -> Vec<u8> {
    item(json!({ "type": "attachment", "filename": name }), bytes)
}

/// An envelope of the event of that number and what is given.
fn envelope(number: u64, items: &[Vec<u8>]) -> Vec<u8> {
    [json!({ "event_id": id(number) }).to_string().as_bytes(), b"\n", &items.concat()].concat()
}

fn event_item(number: u64) -> Vec<u8> {
    item(json!({ "type": "event" }), event(number, "KeyError").to_string().as_bytes())
}

/// Bytes that do not get smaller, different for every seed.
fn noise(seed: u64, count: usize) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    (0..count).map(|_| next()).collect()
}

fn list(server: &Trapline, number: u64) -> Vec<Value> {
    let path = format!("/api/0/projects/main/default/events/{}/attachments/", id(number));
    server.get_json(&path).as_array().unwrap().clone()
}

fn bytes_of(server: &Trapline, number: u64, attachment: &Value, query: &str) -> Answer {
    let attachment = attachment["id"].as_str().unwrap();
    server.get(&format!("/api/0/projects/main/default/events/{}/attachments/{attachment}/{query}", id(number)))
}

fn event_page(server: &Trapline, number: u64) -> Value {
    server.get_json(&format!("/api/ui/events/{}", id(number)))
}

/// A form of files and, without a file name, fields.
fn form(parts: &[(&str, Option<&str>, &[u8])]) -> Vec<u8> {
    let mut body = b"--bound".to_vec();
    for (name, file_name, bytes) in parts {
        let file_name = file_name.map(|file| format!("; filename=\"{file}\"")).unwrap_or_default();
        body.extend(format!("\r\nContent-Disposition: form-data; name=\"{name}\"{file_name}\r\n\r\n").bytes());
        body.extend(*bytes);
        body.extend(b"\r\n--bound");
    }
    body.extend(b"--\r\n");
    body
}

fn post_form(server: &Trapline, path: &str, body: Vec<u8>) -> Request {
    let form = server.post(path).header("x-sentry-auth", &auth(server.key()));
    form.header("content-type", "multipart/form-data; boundary=bound").body(body)
}

#[test]
fn what_sentry_python_attaches_is_listed_and_given_back() {
    let server = Trapline::start();
    let name = "sentry-python-2.75.0/event-with-image";
    let event_id = Fixture::load(name).event_id().unwrap();
    send(&server, name);
    let path = format!("/api/0/projects/main/default/events/{event_id}/attachments/");
    let files = server.get_json(&path);
    let about = |file: &Value| {
        let text = |key: &str| file[key].as_str().unwrap_or_default().to_string();
        (text("name"), text("mimetype"), text("type"), file["size"].as_u64().unwrap())
    };
    let text = |text: &str| text.to_string();
    let files = files.as_array().unwrap();
    assert_eq!(
        files.iter().map(about).collect::<Vec<_>>(),
        [
            (text("preview.png"), text("image/png"), text("event.attachment"), 69),
            (text("printer.log"), text("application/octet-stream"), text("event.attachment"), 380),
        ]
    );
    assert_eq!(files[1]["sha1"].as_str().unwrap().len(), 40);
    assert!(files[1]["dateCreated"].as_str().unwrap().ends_with('Z'));
    assert_eq!(files[0]["headers"]["Content-Type"], "image/png");
    let about = server.get_json(&format!("{path}{}/", files[1]["id"].as_str().unwrap()));
    assert_eq!(about, files[1]);
    let log = server.get(&format!("{path}{}/?download", files[1]["id"].as_str().unwrap())).expect(200);
    assert_eq!(log.text(), "printer: no answer\n".repeat(20));
    let page = server.get_json(&format!("/api/ui/events/{event_id}"));
    assert_eq!(
        (&page["attachments"][0]["preview"], &page["attachments"][1]["preview"]),
        (&json!("image"), &json!("text"))
    );
    assert_eq!(server.outcome("attachment", "accepted"), 2);
    assert!(server.last_request()["summary"].as_str().unwrap().contains("attachment preview.png"));
}

#[test]
fn attachments_come_before_their_event_or_without_it() {
    let server = Trapline::start();
    to_envelope(&server, envelope(1, &[file("early.txt", b"early")])).send().expect(200);
    assert_eq!(list(&server, 1)[0]["name"], "early.txt");
    assert_eq!(server.issues().len(), 0);
    to_envelope(&server, envelope(1, &[event_item(1)])).send().expect(200);
    assert_eq!(event_page(&server, 1)["attachments"][0]["name"], "early.txt");
    let late = post_form(&server, &format!("/api/1/events/{}/attachments/", id(1)), form(&[("f", Some("late"), b"x")]));
    assert_eq!(late.send().expect(201).text(), "");
    let names: Vec<Value> = list(&server, 1).iter().map(|file| file["name"].clone()).collect();
    assert_eq!(names, ["early.txt", "late"]);
    assert_eq!(server.get("/api/0/projects/main/default/events/x/attachments/").status, 404);
    assert_eq!(list(&server, 2), [] as [Value; 0]);
}

#[test]
fn the_same_file_sent_twice_is_kept_once() {
    let server = Trapline::start();
    let large = noise(1, 3 * MIB);
    for _ in 0..2 {
        to_envelope(&server, envelope(1, &[event_item(1), file("a", b"one"), file("large", &large)]))
            .send()
            .expect(200);
    }
    to_envelope(&server, envelope(1, &[file("a", b"two")])).send().expect(200);
    let files = list(&server, 1);
    assert_eq!(files.len(), 3, "{files:?}");
    assert!(bytes_of(&server, 1, &files[1], "?download").body == large);
    assert_eq!((server.outcome("attachment", "accepted"), server.outcome("attachment", "duplicate")), (3, 2));
}

#[test]
fn large_and_compressible_bytes_come_back_as_they_were() {
    let mut server = Trapline::start();
    let kinds = [vec![b'a'; 5 * MIB + 1], noise(2, 9 * MIB + 7), Vec::new(), noise(3, MIB)];
    let items: Vec<Vec<u8>> = kinds.iter().enumerate().map(|(n, bytes)| file(&n.to_string(), bytes)).collect();
    to_envelope(&server, envelope(1, &items)).send().expect(200);
    server.kill9();
    server.start_again();
    let files = list(&server, 1);
    for (file, bytes) in files.iter().zip(&kinds) {
        let answer = bytes_of(&server, 1, file, "?download").expect(200);
        assert!(answer.body == *bytes, "{file}");
        assert_eq!(answer.header("content-length"), Some(bytes.len().to_string().as_str()));
    }
    assert_eq!(files.len(), 4);
    let size = std::fs::metadata(server.database()).unwrap().len();
    assert!(size < 12 * MIB as u64, "5 MiB of one letter are not stored as such: {size}");
}

#[test]
fn an_attachment_over_the_limit_is_refused_and_the_event_beside_it_is_kept() {
    let server = Trapline::start_with(&["--attachment-bytes-max", "1000"]);
    let too_large = file("dump.bin", &noise(4, 1001));
    let both = envelope(1, &[event_item(1), too_large.clone(), file("fits.bin", &noise(5, 1000))]);
    assert_eq!(to_envelope(&server, both).send().expect(200).json()["id"], id(1));
    assert_eq!(server.outcome("event", "accepted"), 1);
    assert_eq!((server.outcome("attachment", "accepted"), server.outcome("attachment", "too_large")), (1, 1));
    assert!(server.last_request()["problem"].as_str().unwrap().contains("attachment_bytes_max"));
    let page = event_page(&server, 1);
    let note = page["attachments"].as_array().unwrap().iter().find(|file| file["name"] == "dump.bin").unwrap();
    assert!(note["problem"].as_str().unwrap().contains("1001 bytes exceeds the limit of 1000"), "{note}");
    // There is nothing to download, so Sentry's clients are not told of it.
    assert_eq!(list(&server, 1).len(), 1);
    assert_eq!(bytes_of(&server, 1, note, "?download").status, 404);

    let alone = to_envelope(&server, envelope(2, &[too_large])).send().expect(413);
    assert!(alone.text().contains("'attachment'"), "{}", alone.text());
    let late = form(&[("f", Some("f"), &noise(6, 1001))]);
    post_form(&server, &format!("/api/1/events/{}/attachments/", id(2)), late).send().expect(413);
}

#[test]
fn an_attachment_of_200_mib_is_refused_however_it_is_sent() {
    let server = Trapline::start();
    let huge = envelope(1, &[event_item(1), file("huge", &vec![0; 200 * MIB])]);
    // Compressed it fits into a request, so the event in front of it is read and kept.
    let packed = compress("gzip", &huge);
    assert!(packed.len() < 2 * MIB);
    let answer = to_envelope(&server, packed).header("content-encoding", "gzip").send().expect(200);
    assert_eq!(answer.json()["id"], id(1));
    let problem = server.last_request()["problem"].as_str().unwrap().to_string();
    assert!(problem.contains("attachment") && problem.contains("expanded_bytes_max"), "{problem}");
    assert_eq!((server.outcome("event", "accepted"), server.outcome("attachment", "too_large")), (1, 1));
    let alone = compress("gzip", &envelope(3, &[file("huge", &vec![0; 80 * MIB])]));
    to_envelope(&server, alone).header("content-encoding", "gzip").send().expect(413);
    // The server answers without waiting for all of it; the client may or may not still be writing.
    let unpacked = to_envelope(&server, huge);
    assert_eq!(unpacked.send().status, 413);
    let problem = server.last_request()["problem"].as_str().unwrap().to_string();
    assert!(problem.contains("request_bytes_max"), "{problem}");
    send_event(&server, 2, "KeyError");
    assert_eq!(list(&server, 1), [] as [Value; 0]);
}

#[test]
fn too_many_attachments_keep_the_first_ones() {
    let server = Trapline::start();
    let many: Vec<Vec<u8>> = (0..40).map(|n| file(&format!("{n}.txt"), b"x")).collect();
    to_envelope(&server, envelope(1, &many)).send().expect(200);
    assert_eq!((list(&server, 1).len(), server.outcome("attachment", "too_large")), (30, 10));
}

#[test]
fn a_strangers_file_is_never_run_as_ours() {
    let server = Trapline::start();
    let html = b"<script>alert(document.cookie)</script>";
    let svg = b"<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>";
    let items = [
        item(json!({ "type": "attachment", "filename": "a.html", "content_type": "text/html" }), html),
        item(json!({ "type": "attachment", "filename": "b.png", "content_type": "image/svg+xml" }), svg),
        item(json!({ "type": "attachment", "filename": "../\"c\r\n\u{202e}ü.txt" }), b"\0binary"),
    ];
    to_envelope(&server, envelope(1, &items)).send().expect(200);
    let files = list(&server, 1);
    for (file, query) in files.iter().flat_map(|file| [(file, "?download"), (file, "?inline"), (file, "?inline=1&x")]) {
        let answer = bytes_of(&server, 1, file, query).expect(200);
        assert_eq!(answer.header("content-security-policy"), Some("sandbox; default-src 'none'"), "{file}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("cross-origin-resource-policy"), Some("same-origin"));
        let content_type = answer.header("content-type").unwrap();
        assert!(["application/octet-stream", "text/plain; charset=utf-8"].contains(&content_type), "{content_type}");
        let disposition = answer.header("content-disposition").unwrap();
        assert!(query != "?download" || disposition.starts_with("attachment; "), "{disposition}");
    }
    let named = bytes_of(&server, 1, &files[2], "?inline").expect(200);
    let disposition = named.header("content-disposition").unwrap();
    assert_eq!(disposition, "attachment; filename=\"_c_.txt\"; filename*=UTF-8''%22c%C3%BC.txt");
    assert!(server.get("/api/ui/boot").header("content-security-policy").unwrap().contains("script-src 'self'"));
}

#[test]
fn only_our_own_pages_may_read_files() {
    let server = Trapline::start();
    to_envelope(&server, envelope(1, &[event_item(1), file("a.txt", b"text")])).send().expect(200);
    let page = event_page(&server, 1);
    let url = page["attachments"][0]["url"].as_str().unwrap().to_string();
    let text = format!("/api/ui/events/{}/attachments/{}/text", id(1), page["attachments"][0]["id"].as_str().unwrap());
    let replays = "/api/0/organizations/main/replays/".to_string();
    for path in [url.clone(), format!("{url}?download"), format!("{url}?inline"), text.clone(), replays] {
        server.get(&path).expect(200);
        server.request("GET", &path).header("host", "evil.test").send().expect(421);
        server.request("GET", &path).header("sec-fetch-site", "cross-site").send().expect(403);
        server.request("GET", &path).header("x-forwarded-for", "10.0.0.1").send().expect(403);
    }
    assert_eq!(server.get_json(&text), json!({ "text": "text", "is_cut": false }));
    for path in [format!("/api/1/events/{}/attachments/", id(1)), "/api/1/minidump/".to_string()] {
        server.post(&path).body("x").send().expect(401);
        server.get(&path).expect(405);
    }
}

#[test]
fn a_long_text_is_shown_up_to_its_limit() {
    let server = Trapline::start();
    to_envelope(&server, envelope(1, &[event_item(1), file("a.log", "ä".repeat(100_000).as_bytes())]))
        .send()
        .expect(200);
    let attachment = event_page(&server, 1)["attachments"][0]["id"].as_str().unwrap().to_string();
    let shown = server.get_json(&format!("/api/ui/events/{}/attachments/{attachment}/text", id(1)));
    assert_eq!(shown["is_cut"], true);
    assert_eq!(shown["text"].as_str().unwrap().chars().count(), 32_768);
}

#[test]
fn a_crash_dump_becomes_an_event_with_files() {
    let server = Trapline::start();
    let key = server.key().to_string();
    let dump = [b"MDMP", &noise(7, 100)[..]].concat();
    let body = form(&[
        ("sentry[release]", None, b"shop@2"),
        ("app.log", Some("app.log"), b"log"),
        ("upload_file_minidump", Some("crash.dmp"), &dump),
    ]);
    let request = server.post(&format!("/api/1/minidump/?sentry_key={key}"));
    let request = request.header("content-type", "multipart/form-data; boundary=bound").body(body);
    let answer = request.send().expect(200);
    assert_eq!(answer.header("content-type"), Some("text/plain"));
    let dashed = answer.text();
    assert_eq!((dashed.len(), dashed.matches('-').count()), (36, 4), "{dashed}");
    let issue = &server.issues()[0];
    assert_eq!((issue["title"].as_str(), issue["level"].as_str()), (Some("Minidump"), Some("fatal")));
    let page = server.get_json(&format!("/api/ui/events/{}", dashed.replace('-', "")));
    assert_eq!(page["platform"], "native");
    assert_eq!(page["detail"]["release"], "shop@2");
    let files: Vec<(&str, &str)> = page["attachments"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| (file["name"].as_str().unwrap(), file["kind"].as_str().unwrap()))
        .collect();
    assert_eq!(files, [("crash.dmp", "event.minidump"), ("app.log", "event.attachment")]);

    let bare = server.post(&format!("/api/1/minidump?sentry_key={key}")).body(dump.clone()).send().expect(200);
    assert_eq!(bare.text().len(), 36);
    let missing = form(&[("sentry", None, b"{}")]);
    post_form(&server, "/api/1/minidump/", missing).send().expect(400);
    server.post(&format!("/api/1/minidump/?sentry_key={key}")).body("nonsense").send().expect(400);
    assert_eq!(server.outcome("event", "accepted"), 2);
}

#[test]
fn a_dump_over_the_limit_still_tells_of_the_crash() {
    let server = Trapline::start_with(&["--attachment-bytes-max", "1000"]);
    let dump = [b"MDMP", &noise(7, 2000)[..]].concat();
    let answer = server.post(&format!("/api/1/minidump/?sentry_key={}", server.key())).body(dump).send().expect(200);
    let page = server.get_json(&format!("/api/ui/events/{}", answer.text().replace('-', "")));
    assert!(page["attachments"][0]["problem"].is_string(), "{page}");
}

#[test]
fn a_profile_is_kept_with_its_transaction() {
    let server = Trapline::start();
    send(&server, "sentry-python-2.75.0/profile-transaction");
    let traces = server.traces();
    let trace = server.get_json(&format!("/api/ui/traces/{}", traces[0]["trace_id"].as_str().unwrap()));
    let profile = &trace["profiles"][0];
    assert_eq!((profile["name"].as_str(), profile["is_chunk"].as_bool()), (Some("render report"), Some(false)));
    assert!(profile["samples"].as_u64().unwrap() > 10, "{profile}");
    assert!((100..1000).contains(&profile["duration_ms"].as_i64().unwrap()), "{profile}");
    let path = format!("/api/0/projects/main/default/profiling/profiles/{}/", profile["profile_id"].as_str().unwrap());
    let kept = server.get_json(&path);
    assert_eq!(kept, Fixture::load("sentry-python-2.75.0/profile-transaction").first_item());
    let download = server.get(profile["url"].as_str().unwrap()).expect(200);
    assert!(download.header("content-disposition").unwrap().starts_with("attachment; filename=\"profile-"));
    assert_eq!(server.outcome("profile", "accepted"), 1);
    send(&server, "sentry-python-2.75.0/profile-transaction");
    assert_eq!(server.outcome("profile", "duplicate"), 1);
    let again = server.get_json(&format!("/api/ui/traces/{}", traces[0]["trace_id"].as_str().unwrap()));
    assert_eq!(again["profiles"].as_array().unwrap().len(), 1);
}

#[test]
fn a_chunk_of_a_profile_is_found_by_its_profiler_and_time() {
    let server = Trapline::start();
    // The chunk may come first.
    send(&server, "sentry-python-2.75.0/profile-chunk");
    send(&server, "sentry-python-2.75.0/profile-chunk-transaction");
    let traces = server.traces();
    let trace = server.get_json(&format!("/api/ui/traces/{}", traces[0]["trace_id"].as_str().unwrap()));
    let chunk = &trace["profiles"][0];
    assert_eq!(chunk["is_chunk"], true, "{trace}");
    assert!(chunk["samples"].as_u64().unwrap() > 10);
    let path = format!("/api/0/projects/main/default/profiling/profiles/{}/", chunk["profile_id"].as_str().unwrap());
    assert_eq!(server.get_json(&path), Fixture::load("sentry-python-2.75.0/profile-chunk").first_item());
    assert_eq!(server.outcome("profile_chunk", "accepted"), 1);
}

/// Envelope of one segment, its recording compressed as the browser SDK does.
fn segment(number: u32, trace: u64, error: u64) -> Vec<u8> {
    let story = json!({
        "type": "replay_event", "replay_id": id(50), "segment_id": number, "urls": ["http://shop.example/cart?token=x"],
        "replay_start_timestamp": 1_800_000_000, "timestamp": 1_800_000_005 + number,
        "trace_ids": [id(trace)], "error_ids": [id(error)], "request": { "headers": { "Cookie": "secret=1" } },
    });
    let events = format!("[{{\"type\":4,\"segment\":{number}}}]");
    let recording =
        [format!("{{\"segment_id\":{number}}}\n").as_bytes(), &compress("deflate", events.as_bytes())].concat();
    envelope(
        50,
        &[
            item(json!({ "type": "replay_event" }), story.to_string().as_bytes()),
            item(json!({ "type": "replay_recording" }), &recording),
        ],
    )
}

#[test]
fn a_session_replay_is_kept_and_linked() {
    let server = Trapline::start();
    let mut failed = event(1, "KeyError");
    failed["contexts"] =
        json!({ "replay": { "replay_id": id(50) }, "trace": { "trace_id": id(70), "span_id": "00000000000000aa" } });
    for number in [1, 0, 1] {
        to_envelope(&server, segment(number, 70, 2)).send().expect(200);
    }
    to_envelope(&server, envelope(1, &[item(json!({ "type": "event" }), failed.to_string().as_bytes())]))
        .send()
        .expect(200);
    send_event(&server, 2, "TypeError");

    let replays = server.get_json("/api/0/organizations/main/replays/");
    let replay = &replays["data"][0];
    assert_eq!(replays["data"].as_array().unwrap().len(), 1);
    assert_eq!(replay["id"], id(50));
    assert_eq!(
        (&replay["count_segments"], &replay["count_errors"], &replay["duration"]),
        (&json!(2), &json!(1), &json!(6))
    );
    // Addresses are kept without what may hold a secret.
    assert_eq!(replay["urls"], json!(["http://shop.example/cart"]));

    // By the event's own context, by the replay's word for the other event and for the trace.
    for page in [event_page(&server, 1), event_page(&server, 2), server.get_json(&format!("/api/ui/traces/{}", id(70)))]
    {
        assert_eq!(page["replays"][0]["replay_id"], id(50), "{page}");
        assert_eq!(page["replays"][0]["segment_count"], 2);
    }
    let path = format!("/api/0/projects/main/default/replays/{}/recording-segments/", id(50));
    assert_eq!(server.get_json(&path)["data"].as_array().unwrap().len(), 2);
    let all = server.get(&format!("{path}?download")).expect(200);
    assert_eq!(all.json(), json!([[{ "type": 4, "segment": 0 }], [{ "type": 4, "segment": 1 }]]));
    assert_eq!(server.get(&format!("/api/0/organizations/main/replays/{}/", id(50))).json()["data"]["id"], id(50));
    assert_eq!((server.outcome("replay_event", "accepted"), server.outcome("replay_recording", "accepted")), (2, 2));
    assert_eq!((server.outcome("replay_event", "duplicate"), server.outcome("replay_recording", "duplicate")), (1, 1));
    let cookie = b"secret=1".to_vec();
    let database = std::fs::read(server.database()).unwrap();
    assert!(!database.windows(cookie.len()).any(|window| window == cookie));
}

#[test]
fn a_damaged_segment_costs_itself_only() {
    let server = Trapline::start();
    to_envelope(&server, segment(0, 70, 2)).send().expect(200);
    let damaged = item(json!({ "type": "replay_recording" }), b"{\"segment_id\":1}\n\x78\x9cnonsense");
    to_envelope(&server, envelope(50, &[damaged])).send().expect(200);
    let path = format!("/api/0/projects/main/default/replays/{}/recording-segments/?download", id(50));
    assert_eq!(server.get(&path).expect(200).json(), json!([[{ "type": 4, "segment": 0 }], []]));
    server.get(&format!("/api/0/projects/main/default/replays/{}/recording-segments/?download", id(51))).expect(404);
}

#[test]
fn others_do_not_wait_for_a_large_attachment() {
    let server = Trapline::start();
    let large = envelope(1, &[file("large", &noise(9, 20 * MIB))]);
    std::thread::scope(|scope| {
        scope.spawn(|| to_envelope(&server, large.clone()).send().expect(200));
        for number in 100..130 {
            send_event(&server, number, "KeyError");
        }
    });
    assert_eq!(server.outcome("event", "accepted"), 30);
    assert_eq!(bytes_of(&server, 1, &list(&server, 1)[0], "?download").body.len(), 20 * MIB);
}
