//! Who is at the other end of a connection: the client's own address, whether it came by TLS, and whether a browser sends
//! the request for a page of ours.
//!
//! Invariant: what a header says about the client counts only where a proxy said it that is configured as trusted, and only
//! up to the first hop that is not: everything before that could have been written by the client itself.

use std::net::{IpAddr, Ipv4Addr};

use actix_web::HttpRequest;
use actix_web::http::header::{HOST, HeaderName, ORIGIN};
use ipnet::IpNet;
use url::Url;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Whose word about a client counts.
#[derive(Debug, Clone, Default)]
pub struct Trust {
    /// Networks of proxies in front of the service.
    pub proxies: Vec<IpNet>,
    /// The address under which browsers and ERPNext reach the service.
    pub public_url: Option<Url>,
}

impl Trust {
    /// The client's address: the last hop that is no trusted proxy.
    pub(super) fn address(&self, request: &HttpRequest) -> IpAddr {
        let Some(peer) = request.peer_addr() else { return IpAddr::V4(Ipv4Addr::UNSPECIFIED) };
        let mut address = peer.ip().to_canonical();
        let hops: Vec<&str> = values(request, FORWARDED_FOR).collect();
        for hop in hops.into_iter().rev() {
            if !self.is_proxy(address) {
                break;
            }
            let Some(before) = parse(hop) else { break };
            address = before;
        }
        address
    }

    /// Whether the client's own connection is encrypted: the trusted proxy says so, or the service is configured to be
    /// reached by https.
    pub(super) fn is_secure(&self, request: &HttpRequest) -> bool {
        let peer = request.peer_addr().map(|peer| peer.ip().to_canonical());
        if peer.is_some_and(|peer| self.is_proxy(peer))
            && let Some(scheme) = values(request, FORWARDED_PROTO).last()
        {
            return scheme.eq_ignore_ascii_case("https");
        }
        self.public_url.as_ref().is_some_and(|url| url.scheme() == "https")
    }

    /// Whether a browser, if it is one, sends this for a page of ours: no other site can make it do that.
    pub(super) fn is_same_origin(&self, request: &HttpRequest) -> bool {
        let mut sites = values(request, FETCH_SITE);
        if sites.any(|site| !matches!(site, "same-origin" | "none")) {
            return false;
        }
        let mut origins = request.headers().get_all(ORIGIN);
        origins.all(|origin| origin.to_str().is_ok_and(|origin| self.is_own(request, origin)))
    }

    fn is_own(&self, request: &HttpRequest, origin: &str) -> bool {
        let Ok(origin) = Url::parse(origin) else { return false };
        if self.public_url.as_ref().is_some_and(|url| url.origin() == origin.origin()) {
            return true;
        }
        let host = request.headers().get(HOST).and_then(|host| host.to_str().ok());
        let asked = host.and_then(|host| Url::parse(&format!("{}://{host}", origin.scheme())).ok());
        asked.is_some_and(|asked| asked.origin().is_tuple() && asked.origin() == origin.origin())
    }

    fn is_proxy(&self, address: IpAddr) -> bool {
        self.proxies.iter().any(|network| network.contains(&address))
    }
}

/// The items of a header that may be a list and may be there several times, from left to right.
fn values(request: &HttpRequest, name: HeaderName) -> impl Iterator<Item = &str> {
    let texts = request.headers().get_all(name).map(|value| value.to_str().unwrap_or_default());
    texts.flat_map(|text| text.split(',')).map(str::trim)
}

/// An address as proxies write it: alone, with a port, in brackets.
fn parse(hop: &str) -> Option<IpAddr> {
    let bare = hop.trim_matches('"');
    let alone = || bare.parse::<IpAddr>().ok();
    let bracketed = || bare.strip_prefix('[')?.split_once(']')?.0.parse::<IpAddr>().ok();
    let with_port = || bare.parse::<std::net::SocketAddr>().ok().map(|address| address.ip());
    alone().or_else(with_port).or_else(bracketed).map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn trust(proxies: &[&str]) -> Trust {
        let proxies = proxies.iter().map(|network| network.parse().expect("a network")).collect();
        Trust { proxies, public_url: Some("https://sync.example.com".parse().expect("an address")) }
    }

    fn from(peer: &str, headers: &[(&'static str, &str)]) -> HttpRequest {
        let request = TestRequest::default().peer_addr(peer.parse().expect("an address"));
        headers.iter().fold(request, |request, header| request.append_header(*header)).to_http_request()
    }

    fn address(trust: &Trust, peer: &str, forwarded: &[&str]) -> String {
        let headers: Vec<_> = forwarded.iter().map(|value| ("x-forwarded-for", *value)).collect();
        trust.address(&from(peer, &headers)).to_string()
    }

    #[test]
    fn only_trusted_proxies_are_believed_and_only_to_the_first_stranger() {
        let one = trust(&["10.0.0.0/8", "fd00::/8"]);
        assert_eq!(address(&one, "203.0.113.9:1", &["1.2.3.4"]), "203.0.113.9", "a stranger says so");
        assert_eq!(address(&one, "10.0.0.1:1", &["1.2.3.4"]), "1.2.3.4");
        assert_eq!(address(&one, "10.0.0.1:1", &["6.6.6.6, 1.2.3.4"]), "1.2.3.4", "the client wrote the first");
        assert_eq!(
            address(&one, "10.0.0.1:1", &["6.6.6.6", "1.2.3.4, 10.0.0.2"]),
            "1.2.3.4",
            "two headers, two proxies"
        );
        assert_eq!(address(&one, "10.0.0.1:1", &["1.2.3.4, nonsense"]), "10.0.0.1", "what cannot be read ends it");
        assert_eq!(address(&one, "10.0.0.1:1", &[]), "10.0.0.1");
        assert_eq!(address(&one, "[fd00::1]:1", &["[2001:db8::1]:443"]), "2001:db8::1");
        assert_eq!(address(&one, "[::ffff:10.0.0.1]:1", &["1.2.3.4:99"]), "1.2.3.4");
        assert_eq!(address(&Trust::default(), "10.0.0.1:1", &["1.2.3.4"]), "10.0.0.1", "none is trusted by default");
    }

    #[test]
    fn a_connection_is_secure_where_the_proxy_or_the_configuration_says_so() {
        let one = trust(&["10.0.0.0/8"]);
        assert!(!one.is_secure(&from("10.0.0.1:1", &[("x-forwarded-proto", "http")])));
        assert!(one.is_secure(&from("10.0.0.1:1", &[("x-forwarded-proto", "https")])));
        assert!(one.is_secure(&from("203.0.113.9:1", &[("x-forwarded-proto", "http")])), "a stranger cannot say less");
        assert!(!Trust::default().is_secure(&from("10.0.0.1:1", &[("x-forwarded-proto", "https")])));
    }

    #[test]
    fn another_sites_page_is_not_ours() {
        let one = trust(&[]);
        let ours = |headers: &[(&'static str, &str)]| one.is_same_origin(&from("10.0.0.1:1", headers));
        assert!(ours(&[]), "no browser");
        assert!(ours(&[("origin", "https://sync.example.com"), ("sec-fetch-site", "same-origin")]));
        assert!(ours(&[("host", "127.0.0.1:8080"), ("origin", "http://127.0.0.1:8080")]));
        for headers in [
            &[("sec-fetch-site", "cross-site")][..],
            &[("sec-fetch-site", "same-site")],
            &[("origin", "null")],
            &[("origin", "https://evil.example")],
            &[("origin", "http://sync.example.com")],
            &[("origin", "https://sync.example.com:8443")],
            &[("host", "127.0.0.1:8080"), ("origin", "http://127.0.0.1:9090")],
            &[("host", "sync.example.com"), ("origin", "https://sync.example.com.evil.example")],
            &[("origin", "https://sync.example.com"), ("origin", "https://evil.example")],
        ] {
            assert!(!ours(headers), "{headers:?}");
        }
    }
}
