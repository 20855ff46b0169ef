//! The table of pages is what the server does: who may see what, and that no form is taken from elsewhere.

use customer_sync::domain::role::Role;
use customer_sync::web::{ListedRoute, listed_pages};
use reqwest::Method;

use super::{Site, form, place};

/// A path of that route for something that does not exist.
fn somewhere(route: &ListedRoute) -> String {
    route.path.replace("{id}", "999999").replace("{name}", "nothing").replace("{session}", "nothing")
}

#[tokio::test]
async fn each_page_leads_nobody_to_the_sign_in_page_and_refuses_every_lesser_role() {
    let site = Site::start().await;
    let mut nobody = site.visitor();
    let mut people = Vec::new();
    for role in Role::ALL {
        people.push((role, site.signed_in(role.as_str(), role).await));
    }
    for route in listed_pages() {
        let (method, path): (Method, _) = (route.method.parse().unwrap(), somewhere(&route));
        let answer = nobody.answer(nobody.request(method.clone(), &path)).await;
        if !route.guarded {
            // Only its link opens that page.
            if route.path == "/first-admin" && method == Method::GET {
                assert_eq!(answer.status(), 403, "{route:?}");
                continue;
            }
            assert!(![401, 403, 405, 500].contains(&answer.status().as_u16()), "{route:?}: {}", answer.status());
            continue;
        }
        assert_eq!(answer.status(), 303, "{route:?}");
        assert!(place(&answer).starts_with("/sign-in"), "{route:?}: {}", place(&answer));
        for (role, person) in &mut people {
            if method != Method::GET || route.path == "/live" {
                // Tried with its proof below; the stream never ends.
                continue;
            }
            let answer = person.get(&path).await;
            let refused = route.role.is_some_and(|least| *role < least);
            assert_eq!(answer.status() == 403, refused, "{route:?} as {role:?}: {}", answer.status());
            assert!(answer.headers()["content-type"].to_str().unwrap().starts_with("text/html"), "{route:?}");
        }
    }
    let viewer = &mut people[0].1;
    for route in listed_pages().into_iter().filter(|route| route.role.is_some_and(|least| least > Role::Viewer)) {
        if route.method == "POST" {
            let answer = viewer.submit(&somewhere(&route), &[]).await;
            assert_eq!(answer.status(), 403, "{route:?}");
            assert!(answer.text().await.unwrap().contains("You may not do this"), "{route:?}");
        }
    }
}

#[tokio::test]
async fn no_form_is_taken_without_its_proof_or_from_another_site() {
    let site = Site::start().await;
    let mut anna = site.signed_in("anna", Role::Admin).await;
    for route in listed_pages().into_iter().filter(|route| route.method == "POST" && route.guarded) {
        let path = somewhere(&route);
        assert_eq!(anna.send(&path, &[]).await.status(), 403, "{route:?}");
        assert_eq!(anna.send(&path, &[("csrf", "guessed")]).await.status(), 403, "{route:?}");
    }
    for path in ["/sign-in", "/first-admin", "/theme"] {
        let foreign = anna.request(Method::POST, path).header("Origin", "https://evil.example");
        assert_eq!(anna.answer(form(foreign, &[("name", "anna")])).await.status(), 403, "{path}");
    }
    assert!(anna.is_signed_in());
    // A link from elsewhere is no attack.
    let link = anna.http.get(format!("{}/sign-in", anna.url)).header("Sec-Fetch-Site", "cross-site");
    assert_eq!(link.send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn every_form_of_a_page_has_its_proof_and_an_address_of_the_table() {
    let site = Site::start().await;
    let mut anna = site.signed_in("anna", Role::Admin).await;
    for route in listed_pages().into_iter().filter(|route| route.method == "GET" && !route.path.contains('{')) {
        if ["/live", "/favicon.ico"].contains(&route.path.as_str()) {
            continue;
        }
        let html = anna.get(&route.path).await.text().await.unwrap();
        for form in html.split("<form").skip(1) {
            let form = form.split("</form>").next().unwrap();
            if form.starts_with(" method=\"get\"") {
                // It changes nothing.
                continue;
            }
            let action = form.split("action=\"").nth(1).unwrap().split('"').next().unwrap();
            let method = form.split("method=\"").nth(1).unwrap().split('"').next().unwrap();
            let known = |listed: &ListedRoute| {
                let (pattern, action) = (listed.path.split('/'), action.split('/'));
                listed.method.eq_ignore_ascii_case(method)
                    && pattern.clone().count() == action.clone().count()
                    && pattern.zip(action).all(|(part, given)| part == given || part.starts_with('{'))
            };
            let Some(listed) = listed_pages().into_iter().find(known) else {
                panic!("{}: no route takes the form of {action}", route.path)
            };
            let proven = form.contains("name=\"csrf\"");
            match method {
                "post" => assert!(proven || !listed.guarded, "{}: {action}", route.path),
                // What only asks changes nothing, and would show the proof in its address.
                _ => assert!(!proven, "{}: {action}", route.path),
            }
        }
    }
}

#[test]
fn only_the_table_adds_routes_to_the_pages() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/web/ui");
    for file in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if file.extension().is_some_and(|ending| ending == "rs")
            && file.file_name().is_some_and(|name| name != "table.rs")
        {
            let text = std::fs::read_to_string(&file).unwrap();
            for word in ["web::resource", "web::scope", "ServiceConfig", ".route("] {
                assert!(!text.contains(word), "{}: {word}", file.display());
            }
        }
    }
}
