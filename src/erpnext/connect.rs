//! Why a connection could not be made, told from the chain of causes that the HTTP library leaves.
//!
//! Invariant: each cause has a sentence that says what is wrong and which setting to look at; the chain itself is kept
//! as the error's source. What counts as a connection failure at all is decided in `transport`.

use std::error::Error as StdError;
use std::fmt;
use std::io;

/// What stood in the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectCause {
    /// The host's name has no address.
    Dns,
    /// Nothing listens there.
    Refused,
    /// No route to the host.
    Unreachable,
    /// The certificate's authority is not trusted here.
    UnknownAuthority,
    /// The certificate is for another host.
    WrongHost,
    /// The certificate has expired or is not valid yet.
    Expired,
    /// Some other trouble with TLS.
    Tls,
    /// Name look-up, TCP or TLS took too long.
    TimedOut,
    /// The connection broke before the answer was complete.
    Broken,
    /// Anything else.
    Other,
}

impl ConnectCause {
    /// Finds the cause in the chain of an error.
    pub(super) fn of(error: &(dyn StdError + 'static)) -> Self {
        let mut next = Some(error);
        while let Some(cause) = next {
            if let Some(found) = Self::of_one(cause) {
                return found;
            }
            next = cause.source();
        }
        Self::Other
    }

    fn of_one(error: &(dyn StdError + 'static)) -> Option<Self> {
        if let Some(tls) = error.downcast_ref::<rustls::Error>() {
            return Some(Self::of_tls(tls));
        }
        if let Some(io) = error.downcast_ref::<io::Error>() {
            // What an I/O error wraps (TLS errors, twice) is left out of its `source()`.
            let wrapped = io.get_ref().map(|inner| inner as &(dyn StdError + 'static));
            return wrapped.and_then(Self::of_one).or_else(|| Self::of_io(io));
        }
        // These two are known by their texts only: the library's error for a failed look-up is private, and a server that
        // does not speak TLS just closes.
        match error.to_string() {
            text if text.starts_with("dns error") => Some(Self::Dns),
            text if text == "tls handshake eof" => Some(Self::Tls),
            _ => None,
        }
    }

    fn of_io(error: &io::Error) -> Option<Self> {
        match error.kind() {
            io::ErrorKind::ConnectionRefused => Some(Self::Refused),
            io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => Some(Self::Unreachable),
            io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::UnexpectedEof => Some(Self::Broken),
            _ => None,
        }
    }

    fn of_tls(error: &rustls::Error) -> Self {
        use rustls::CertificateError as Bad;
        match error {
            rustls::Error::InvalidCertificate(Bad::UnknownIssuer) => Self::UnknownAuthority,
            rustls::Error::InvalidCertificate(Bad::NotValidForName | Bad::NotValidForNameContext { .. }) => {
                Self::WrongHost
            }
            rustls::Error::InvalidCertificate(
                Bad::Expired | Bad::ExpiredContext { .. } | Bad::NotValidYet | Bad::NotValidYetContext { .. },
            ) => Self::Expired,
            _ => Self::Tls,
        }
    }
}

impl fmt::Display for ConnectCause {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Dns => "its name cannot be resolved. Check the spelling in ERPNEXT_URL, and this machine's DNS",
            Self::Refused => {
                "nothing listens there. Check host and port in ERPNEXT_URL, and whether ERPNext is running"
            }
            Self::Unreachable => "there is no route to it. Check this machine's network, or set a proxy in [erpnext]",
            Self::UnknownAuthority => {
                "its certificate comes from an authority that this machine does not trust. Put that authority's \
                 certificate into a PEM file and name it as ca_file in [erpnext]"
            }
            Self::WrongHost => {
                "its certificate is for another host. Write the host that the certificate names into ERPNEXT_URL, \
                 and if the site needs another one set host_header in [erpnext]"
            }
            Self::Expired => {
                "its certificate has expired or is not valid yet. Renew it, and check this machine's date and time"
            }
            Self::Tls => {
                "TLS could not be agreed on. Check whether ERPNEXT_URL should begin with http:// or name another port"
            }
            Self::TimedOut => {
                "no connection came about in time. Check host and port in ERPNEXT_URL, and firewalls on the way"
            }
            Self::Broken => "the connection broke off. Check the server's log, and what stands between it and here",
            Self::Other => "the connection failed. Check ERPNEXT_URL and the proxy in [erpnext]",
        })
    }
}
