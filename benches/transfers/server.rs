//! The server of this benchmark: nginx with files for bodies and for the pages of the listings, so that it spends next to
//! nothing where the clients spend a lot. It looks at no signature.
//!
//! Entity tags are nginx's own (modification time and size): they are what its `If-Match` compares, and the listing
//! carries them. They look like no MD5, so nobody checks one; the checksum of an object is its CRC-64/NVME, sent to
//! whoever asks for it with `x-amz-checksum-mode`, as S3 does for every object that is written today.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use tempfile::TempDir;

use crate::NGINX;

/// Prefixes of the bucket `million`, and keys in each, as many as a page of a listing holds.
const PREFIXES: usize = 1_000;
const PAGE: usize = 1_000;

/// Objects of the bucket `small`, and the bytes of each.
pub const SMALL: usize = 10_000;
pub const SMALL_SIZE: usize = 16 << 10;

/// The bytes of the one object of the bucket `large`.
pub const LARGE_SIZE: usize = 1 << 30;

/// Everything was written at about this second of 2023. Not later than now: s5cmd lists nothing of the future.
const WRITTEN: u64 = 1_700_000_000;

/// A running nginx; its files go with it.
pub struct Server {
    nginx: Child,
    port: u16,
    // Last: nginx reads from it.
    folder: TempDir,
}

impl Server {
    /// Writes what `parts` need, and starts.
    pub fn start(room: &Path, parts: &[&str]) -> Self {
        let folder = tempfile::Builder::new().prefix("xsw-bench-nginx-").tempdir_in(room).unwrap();
        let root = folder.path();
        for name in ["pages", "bodies", "temporary"] {
            fs::create_dir(root.join(name)).unwrap();
        }
        let mut maps = Maps::default();
        if parts.contains(&"list") {
            million(&root.join("pages/million"), &mut maps);
        }
        if parts.contains(&"small") {
            let objects = (0..SMALL).map(|number| (format!("files/{:02}/{number:05}.bin", number / 500), SMALL_SIZE));
            bucket(root, "small", &objects.collect::<Vec<_>>(), &mut maps);
        }
        if parts.contains(&"large") {
            bucket(root, "large", &[("files/large.bin".to_owned(), LARGE_SIZE)], &mut maps);
        }
        // Free a moment ago; nobody else is expected to take it.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        fs::write(root.join("nginx.conf"), configuration(root, port, &maps)).unwrap();
        let nginx = Command::new(NGINX)
            .arg("-p")
            .arg(root)
            .arg("-c")
            .arg(root.join("nginx.conf"))
            .args(["-e", "error.log"])
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let mut server = Self { nginx, port, folder };
        server.wait();
        server
    }

    fn wait(&mut self) {
        for _ in 0..100 {
            if TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                return;
            }
            if let Some(status) = self.nginx.try_wait().unwrap() {
                let said = fs::read_to_string(self.folder.path().join("error.log")).unwrap_or_default();
                panic!("nginx ended with {status}: {said}");
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("nginx does not answer on port {}", self.port);
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The processor time that nginx and its workers have spent so far.
    pub fn processor(&self) -> Duration {
        let master = self.nginx.id();
        let children = fs::read_to_string(format!("/proc/{master}/task/{master}/children")).unwrap_or_default();
        let all = children.split_whitespace().filter_map(|child| child.parse().ok()).chain([master]);
        all.map(processor).sum()
    }

    /// What nginx was asked that it has no answer for.
    pub fn complaints(&self) -> String {
        fs::read_to_string(self.folder.path().join("unknown.log")).unwrap_or_default()
    }

    /// The file that `uri` (`/bucket/key`) is served from.
    pub fn body(&self, uri: &str) -> PathBuf {
        self.folder.path().join("bodies").join(uri.trim_start_matches('/'))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The master ends its workers when it is asked to end itself.
        if let Some(process) = rustix::process::Pid::from_raw(self.nginx.id().cast_signed()) {
            _ = rustix::process::kill_process(process, rustix::process::Signal::TERM);
        }
        _ = self.nginx.wait();
    }
}

/// User and system time of a process, from its `stat` (proc_pid_stat(5), fields 14 and 15, a hundredth of a second each).
fn processor(process: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default();
    let ticks = fields.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<u64>().ok());
    Duration::from_millis(ticks.sum::<u64>() * 10)
}

/// What nginx looks up.
#[derive(Default)]
struct Maps {
    /// `delimiter|prefix|token|start-after` to the file of a page.
    pages: String,
    /// Address to checksum.
    checksums: String,
}

// --- the listings ----------------------------------------------------------------------------------------------------

/// A million keys. Pages end where prefixes end, so that a page of all and the page of a prefix hold the same keys.
fn million(folder: &Path, maps: &mut Maps) {
    for name in ["all", "prefix"] {
        fs::create_dir_all(folder.join(name)).unwrap();
    }
    let mut level = String::new();
    for prefix in 0..PREFIXES {
        let below = format!("events-{prefix:04}/");
        let key = |number: usize| format!("{below}2026-08-30-{number:06}.json");
        let mut contents = String::with_capacity(PAGE * 400);
        for number in 0..PAGE {
            let seed = splitmix((prefix * PAGE + number) as u64);
            let etag = format!("{seed:016x}{:016x}", splitmix(seed));
            content(&mut contents, &key(number), WRITTEN + seed % 9_000_000, &etag, seed % 1_000_000);
        }
        let next = (prefix + 1 < PREFIXES).then(|| format!("page{:04}", prefix + 1));
        fs::write(folder.join(format!("all/page{prefix:04}")), page("million", "", next, PAGE, &contents)).unwrap();
        fs::write(folder.join(format!("prefix/{prefix:04}")), page("million", &below, None, PAGE, &contents)).unwrap();
        _ = write!(level, "<CommonPrefixes><Prefix>{below}</Prefix></CommonPrefixes>");
        // After the last key of a prefix, or after all that it can hold, comes the next one.
        let next = if prefix + 1 < PREFIXES { format!("all/page{:04}", prefix + 1) } else { "end".to_owned() };
        for after in [key(PAGE - 1), format!("events-{prefix:04}0")] {
            _ = writeln!(maps.pages, "  \"million|||||{}\" million/{next};", after.replace('/', "%2F"));
        }
    }
    fs::write(folder.join("level"), page("million", "", None, PREFIXES, &level)).unwrap();
    fs::write(folder.join("end"), page("million", "", None, 0, "")).unwrap();
    maps.pages.push_str(
        r#"  "million|||||" million/all/page0000;
  "~^million\|\|\|(?<token_million>page[0-9]{4})\|\|" million/all/$token_million;
  "~^million\|\|\|\|\|events-(?<after_million>[0-9]{4})(?:%2F)?$" million/all/page$after_million;
  "million|/||||" million/level;
  "~^million\|/?\|events-(?<prefix_million>[0-9]{4})%2F\|\|\|$" million/prefix/$prefix_million;
"#,
    );
}

/// Writes the objects of a bucket below `files/`, and the pages of its listing.
fn bucket(root: &Path, name: &str, objects: &[(String, usize)], maps: &mut Maps) {
    let folder = root.join("pages").join(name);
    fs::create_dir_all(&folder).unwrap();
    let mut files = Vec::new();
    for (number, (key, size)) in objects.iter().enumerate() {
        let path = root.join("bodies").join(name).join(key);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let body = noise(number as u64 + 1, *size);
        fs::write(&path, &body).unwrap();
        let modified = WRITTEN + number as u64;
        let file = File::options().write(true).open(&path).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(modified)).unwrap();
        let checksum = crc_fast::checksum(crc_fast::CrcAlgorithm::Crc64Nvme, &body);
        let checksum = BASE64_STANDARD.encode(checksum.to_be_bytes());
        _ = writeln!(maps.checksums, "  /{name}/{key} \"{checksum}\";");
        files.push((key, modified, format!("{modified:x}-{size:x}"), *size as u64));
    }
    let pages: Vec<_> = files.chunks(PAGE).collect();
    for (number, files) in pages.iter().enumerate() {
        let mut contents = String::new();
        for (key, modified, etag, size) in *files {
            content(&mut contents, key, *modified, etag, *size);
        }
        let next = (number + 1 < pages.len()).then(|| format!("page{:04}", number + 1));
        let page = page(name, "files/", next, files.len(), &contents);
        fs::write(folder.join(format!("page{number:04}")), page).unwrap();
    }
    _ = write!(
        maps.pages,
        r#"  "~^{name}\|\|(?:files(?:%2F)?)?\|\|\|$" {name}/page0000;
  "~^{name}\|\|(?:files(?:%2F)?)?\|(?<token_{name}>page[0-9]{{4}})\|\|" {name}/$token_{name};
"#
    );
    // The levels, for those who walk a tree: `files/`, then its folders, each of which fits a page.
    let mut folders: Vec<(String, String, usize)> = Vec::new();
    for (key, modified, etag, size) in &files {
        let (parent, _) = key.rsplit_once('/').unwrap();
        if folders.last().is_none_or(|(last, ..)| last != parent) {
            folders.push((parent.to_owned(), String::new(), 0));
        }
        let (_, contents, count) = folders.last_mut().unwrap();
        content(contents, key, *modified, etag, *size);
        *count += 1;
    }
    let mut level = String::new();
    let mut levels = 0;
    for (parent, contents, count) in &folders {
        if let Some(child) = parent.strip_prefix("files/") {
            fs::write(folder.join(child), page(name, &format!("{parent}/"), None, *count, contents)).unwrap();
            _ = writeln!(maps.pages, "  \"{name}|/|files%2F{child}%2F|||\" {name}/{child};");
            _ = writeln!(maps.pages, "  \"{name}||files%2F{child}%2F|||\" {name}/{child};");
            _ = write!(level, "<CommonPrefixes><Prefix>{parent}/</Prefix></CommonPrefixes>");
        } else {
            level.push_str(contents);
        }
        levels += 1;
    }
    fs::write(folder.join("level"), page(name, "files/", None, levels, &level)).unwrap();
    _ = writeln!(maps.pages, "  \"{name}|/|files%2F|||\" {name}/level;");
}

fn page(bucket: &str, prefix: &str, next: Option<String>, count: usize, lines: &str) -> String {
    let truncated = next.is_some();
    let next = next.map(|next| format!("<NextContinuationToken>{next}</NextContinuationToken>")).unwrap_or_default();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
         <Name>{bucket}</Name><Prefix>{prefix}</Prefix>{next}<KeyCount>{count}</KeyCount><MaxKeys>{PAGE}</MaxKeys>\
         <IsTruncated>{truncated}</IsTruncated>{lines}</ListBucketResult>"
    )
}

fn content(lines: &mut String, key: &str, modified: u64, etag: &str, size: u64) {
    let modified = jiff::Timestamp::from_second(modified.cast_signed()).unwrap().strftime("%Y-%m-%dT%H:%M:%S.000Z");
    _ = write!(
        lines,
        "<Contents><Key>{key}</Key><LastModified>{modified}</LastModified><ETag>&quot;{etag}&quot;</ETag>\
         <ChecksumAlgorithm>CRC64NVME</ChecksumAlgorithm><ChecksumType>FULL_OBJECT</ChecksumType><Size>{size}</Size>\
         <StorageClass>STANDARD</StorageClass></Contents>"
    );
}

/// The next of a row of numbers that look like chance (Steele, Lea and Flood's SplitMix64).
fn splitmix(seed: u64) -> u64 {
    let mut mixed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

fn noise(seed: u64, size: usize) -> Vec<u8> {
    let words = (0..size.div_ceil(8) as u64).flat_map(|word| splitmix(splitmix(seed) ^ word).to_le_bytes());
    let mut bytes: Vec<u8> = words.collect();
    bytes.truncate(size);
    bytes
}

// --- nginx.conf ------------------------------------------------------------------------------------------------------

fn configuration(root: &Path, port: u16, Maps { pages, checksums }: &Maps) -> String {
    let root = root.display();
    // Whoever wants to know what the clients ask: XSW_BENCH_LOG=FILE.
    let log = match std::env::var("XSW_BENCH_LOG") {
        Ok(file) => format!("access_log {file} asked"),
        Err(_) => "access_log off".to_owned(),
    };
    // nginx starts its workers as nobody when root starts it, and nobody cannot look into a temporary folder.
    let user = if rustix::process::geteuid().is_root() { "user root;" } else { "" };
    format!(
        r#"daemon off;
{user}
worker_processes 2;
pid {root}/nginx.pid;
error_log {root}/error.log warn;
events {{ worker_connections 4096; }}
http {{
  sendfile on;
  tcp_nopush on;
  tcp_nodelay on;
  keepalive_timeout 75s;
  keepalive_requests 10000000;
  open_file_cache max=20000 inactive=1h;
  open_file_cache_valid 1h;
  server_tokens off;
  log_format asked '$request_method $request_uri range=$http_range if=$http_if_match mode=$http_x_amz_checksum_mode $status $http_user_agent';
  {log};
  client_body_temp_path {root}/temporary/body;
  proxy_temp_path {root}/temporary/proxy;
  fastcgi_temp_path {root}/temporary/fastcgi;
  uwsgi_temp_path {root}/temporary/uwsgi;
  scgi_temp_path {root}/temporary/scgi;
  types {{ }}
  map_hash_max_size 65536;
  map_hash_bucket_size 256;
  variables_hash_max_size 2048;

  map $args $given_delimiter {{ default ""; "~(?:^|&)delimiter=(?:%2F|/)(?:&|$)" "/"; }}
  map $args $given_prefix {{
    default "";
    # Some write the slash at its end as it is.
    "~(?:^|&)prefix=(?<one>[^&/%]+)(?:%2F|/)(?:&|$)" "$one%2F";
    "~(?:^|&)prefix=(?<first>[^&/%]+)(?:%2F|/)(?<second>[^&/%]+)(?:%2F|/)(?:&|$)" "$first%2F$second%2F";
    "~(?:^|&)prefix=(?<other>[^&]*)" $other;
  }}
  map $args $given_token {{ default ""; "~(?:^|&)continuation-token=(?<token>[^&]*)" $token; }}
  map $args $given_after {{
    default "";
    "~(?:^|&)start-after=(?<folder>[^&/%]+)(?:%2F|/)(?<name>[^&/%]*)" "$folder%2F$name";
    "~(?:^|&)start-after=(?<after>[^&]*)" $after;
  }}
  map "$bucket|$given_delimiter|$given_prefix|$given_token||$given_after" $page {{
    default "";
{pages}
  }}
  map $uri $crc64 {{
    default "";
{checksums}
  }}
  # Only who asks is told, and of a part of an object there is none.
  map "$http_x_amz_checksum_mode|$http_range" $told_checksum {{ default ""; "~*^enabled\|$" $crc64; }}
  map $told_checksum $told_type {{ default FULL_OBJECT; "" ""; }}

  server {{
    listen 127.0.0.1:{port} backlog=4096 reuseport;
    root {root}/bodies;
    default_type binary/octet-stream;
    add_header x-amz-request-id 4442587FB7D0A2F9;
    add_header x-amz-id-2 vlR7PnpV2Ce81l0PRw6jlUpck7Jo5ZsQjryTjKlc5aLWGVHPZLj5NeC6qMa0emYBDXOo6QBU0Wo=;
    add_header x-amz-server-side-encryption AES256;
    add_header x-amz-checksum-crc64nvme $told_checksum;
    add_header x-amz-checksum-type $told_type;

    location ~ ^/(?<bucket>[a-z]+)/?$ {{
      root {root}/pages;
      default_type application/xml;
      etag off;
      if ($request_method = HEAD) {{ return 200; }}
      if ($args ~ "^location") {{
        return 200 '<LocationConstraint xmlns="http://s3.amazonaws.com/doc/2006-03-01/"/>';
      }}
      if ($page = "") {{
        access_log {root}/unknown.log asked;
        return 501;
      }}
      try_files /$page =404;
    }}
  }}
}}
"#
    )
}
