//! The files that pages load: embedded, under names that change with their content, so that a browser may keep them for ever.
//!
//! Invariant: every file has a `url` by which it is never stale; a name that was not handed out is not found. Third-party
//! files stand beside their licences in `assets/`.

use std::sync::LazyLock;

use actix_web::http::header::{CACHE_CONTROL, ContentEncoding, ETAG, IF_NONE_MATCH, LOCATION, VARY};
use actix_web::web::Path;
use actix_web::{HttpRequest, HttpResponse};
use sha2::{Digest, Sha256};

use super::super::error::{Code, Problem};
use super::compress;

/// Digits of the hash in a name: enough that no two versions share one.
const HASH_DIGITS: usize = 12;

/// A file.
pub(super) struct Asset {
    /// Where it is.
    pub(super) url: String,
    hash: String,
    kind: &'static str,
    content: &'static [u8],
    compressed: Vec<u8>,
}

/// All files.
pub(super) struct Assets {
    pub(super) style: Asset,
    pub(super) script: Asset,
    pub(super) htmx: Asset,
    pub(super) live: Asset,
    pub(super) icon: Asset,
}

/// What every page needs, and what the pages of each part do.
const STYLE: &str = concat!(
    include_str!("assets/app.css"),
    include_str!("assets/activity.css"),
    include_str!("assets/customers.css"),
    include_str!("assets/reference.css"),
    include_str!("assets/media.css"),
);

pub(super) static ASSETS: LazyLock<Assets> = LazyLock::new(|| Assets {
    style: Asset::new("app", "css", "text/css; charset=utf-8", STYLE.as_bytes()),
    script: Asset::new("app", "js", "text/javascript; charset=utf-8", include_bytes!("assets/app.js")),
    htmx: Asset::new("htmx", "js", "text/javascript; charset=utf-8", include_bytes!("assets/htmx.min.js")),
    live: Asset::new("live", "js", "text/javascript; charset=utf-8", include_bytes!("assets/live.js")),
    icon: Asset::new("icon", "svg", "image/svg+xml", include_bytes!("assets/icon.svg")),
});

impl Asset {
    fn new(name: &str, extension: &str, kind: &'static str, content: &'static [u8]) -> Self {
        let mut hash: String = Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect();
        hash.truncate(HASH_DIGITS);
        let compressed = compress::gzip(content);
        Self { url: format!("/assets/{name}-{hash}.{extension}"), hash, kind, content, compressed }
    }
}

impl Assets {
    fn all(&self) -> [&Asset; 5] {
        [&self.style, &self.script, &self.htmx, &self.live, &self.icon]
    }
}

pub(super) async fn serve(request: HttpRequest, name: Path<String>) -> Result<HttpResponse, Problem> {
    let url = format!("/assets/{name}");
    let Some(asset) = ASSETS.all().into_iter().find(|asset| asset.url == url) else {
        return Err(Problem::new(&request, Code::NotFound, format!("there is nothing at {url}")));
    };
    let tag = format!("\"{}\"", asset.hash);
    let known = request.headers().get(IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes());
    let mut response = if known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response.insert_header((ETAG, tag)).insert_header((CACHE_CONTROL, "public, max-age=31536000, immutable"));
    response.insert_header((VARY, "accept-encoding"));
    if known {
        return Ok(response.finish());
    }
    response.content_type(asset.kind);
    Ok(if compress::is_wanted(&request) {
        response.insert_header(ContentEncoding::Gzip).body(asset.compressed.as_slice())
    } else {
        response.body(asset.content)
    })
}

/// Browsers ask for it where a page (one of the API, say) names no icon.
pub(super) async fn favicon() -> HttpResponse {
    HttpResponse::PermanentRedirect().insert_header((LOCATION, ASSETS.icon.url.as_str())).finish()
}
