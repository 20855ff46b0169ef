//! What a page loads: little, from here alone, and for ever; and what a browser may do with it.

use customer_sync::domain::role::Role;
use customer_sync::web::listed_pages;
use reqwest::Method;

use super::Site;

/// What a page may weigh with all that it loads.
pub(super) const HEAVIEST: usize = 150_000;

/// What a page loads.
pub(super) fn loaded(html: &str) -> Vec<String> {
    let attributes = ["src=\"", "<link rel=\"stylesheet\" href=\"", "<link rel=\"icon\" href=\""];
    let of = |attribute| html.split(attribute).skip(1).map(|rest: &str| rest.split('"').next().unwrap().to_owned());
    attributes.into_iter().flat_map(of).collect()
}

#[tokio::test]
async fn pages_are_light_and_load_nothing_from_elsewhere() {
    let site = Site::start().await;
    let mut anna = site.signed_in("anna", Role::Admin).await;
    for route in listed_pages() {
        if route.method != "GET" || route.path.contains('{') || ["/live", "/favicon.ico"].contains(&route.path.as_str())
        {
            continue;
        }
        let answer = anna.get(&route.path).await;
        if answer.status().is_redirection() {
            continue;
        }
        let policy = answer.headers()["content-security-policy"].to_str().unwrap().to_owned();
        assert!(!policy.contains("unsafe") && !policy.contains("http"), "{policy}");
        assert_eq!(answer.headers()["cache-control"], "no-store", "{}", route.path);
        let html = answer.text().await.unwrap();
        let mut weight = anna.weight(&route.path).await;
        for url in loaded(&html) {
            assert!(url.starts_with("/assets/"), "{}: {url}", route.path);
            weight += anna.weight(&url).await;
        }
        assert!(weight < HEAVIEST, "{} weighs {weight} bytes", route.path);
        for inline in ["<script>", "<style", " style=\"", " onclick", " onload", "javascript:", "=\"http"] {
            assert!(!html.contains(inline), "{}: {inline}", route.path);
        }
    }
}

#[tokio::test]
async fn files_are_kept_for_ever_under_names_that_change_with_them() {
    let site = Site::start().await;
    let mut visitor = site.visitor();
    let files = loaded(&visitor.page("/sign-in").await);
    assert_eq!(files.len(), 5, "{files:?}");
    for url in files {
        let answer = visitor.get(&url).await;
        assert_eq!(answer.headers()["cache-control"], "public, max-age=31536000, immutable", "{url}");
        assert_eq!(answer.headers()["x-content-type-options"], "nosniff", "{url}");
        let tag = answer.headers()["etag"].to_str().unwrap().to_owned();
        let again = visitor.request(Method::GET, &url).header("If-None-Match", &tag);
        assert_eq!(visitor.answer(again).await.status(), 304, "{url}");
        assert_eq!(visitor.get(&url.replace('-', "-0")).await.status(), 404, "{url}");
    }
    assert_eq!(visitor.get("/assets/..%2f..%2fCargo.toml").await.status(), 404);
}

#[test]
fn what_others_wrote_stands_beside_its_licence() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/web/ui/assets");
    let licence = std::fs::read_to_string(folder.join("htmx-LICENSE")).unwrap();
    assert!(folder.join("htmx.min.js").exists() && licence.contains("Zero"), "{licence}");
}
