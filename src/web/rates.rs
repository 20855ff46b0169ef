//! How often somebody may sign in and call the API, each in a bucket that fills by itself (GCRA, by the crate `governor`).
//!
//! Invariant: limits are of this process; with several, each allows as much. The receiver of webhooks has none of these: its
//! bounds are its queue and the memory for bodies in flight (503, and ERPNext sends again), and an unsigned request costs
//! less than counting it would; a limit per client would hit the one client that sends all webhooks.

use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use super::auth::CallerId;

/// Seconds' worth of calls that somebody may make at once after a quiet time.
const BURST: u32 = 10;
/// How many times as much as one caller an address may call: several may stand behind it.
const CALLERS_PER_ADDRESS: u32 = 4;
/// How many times as often as from one address somebody may try to sign in under one name.
const ADDRESSES_PER_NAME: u32 = 3;
/// Buckets that are kept before the full ones, which mean nothing, are thrown away.
const MANY: usize = 10_000;

/// How often each may come, and how much may wait for each.
#[derive(Debug, Clone, Copy)]
pub struct Quotas {
    /// Tries to sign in from one address within a minute.
    pub sign_ins_per_minute: NonZeroU32,
    /// Calls of one token or user within a second, over a while.
    pub calls_per_second: NonZeroU32,
    /// Calls of one token or user that may wait at once.
    pub waiting_calls: NonZeroU32,
}

/// The buckets.
pub(super) struct Rates {
    sign_ins: Buckets<IpAddr>,
    names: Buckets<String>,
    addresses: Buckets<IpAddr>,
    callers: Buckets<CallerId>,
}

impl Rates {
    pub(super) fn new(quotas: Quotas) -> Self {
        let sign_ins = quotas.sign_ins_per_minute;
        let calls = quotas.calls_per_second;
        let many = |times: u32| calls.saturating_mul(NonZeroU32::MIN.saturating_add(times.saturating_sub(1)));
        let per_second = |rate: NonZeroU32| {
            Quota::per_second(rate).allow_burst(rate.saturating_mul(NonZeroU32::MIN.saturating_add(BURST - 1)))
        };
        let per_name = sign_ins.saturating_mul(NonZeroU32::MIN.saturating_add(ADDRESSES_PER_NAME - 1));
        Self {
            sign_ins: Buckets::new(Quota::per_minute(sign_ins)),
            names: Buckets::new(Quota::per_minute(per_name)),
            addresses: Buckets::new(per_second(many(CALLERS_PER_ADDRESS))),
            callers: Buckets::new(per_second(calls)),
        }
    }

    /// A call from that address; an error tells how long to wait.
    pub(super) fn call_from(&self, address: IpAddr) -> Result<(), Duration> {
        self.addresses.take(&network(address))
    }

    /// A call of that caller.
    pub(super) fn call_of(&self, caller: CallerId) -> Result<(), Duration> {
        self.callers.take(&caller)
    }

    /// A try to sign in.
    pub(super) fn sign_in(&self, address: IpAddr, name: &str) -> Result<(), Duration> {
        self.sign_ins.take(&network(address))?;
        // Longer than any name; what differs behind that is a guess at nobody.
        self.names.take(&name.trim().to_lowercase().chars().take(80).collect())
    }
}

struct Buckets<K: Hash + Eq + Clone>(DefaultKeyedRateLimiter<K>);

impl<K: Hash + Eq + Clone> Buckets<K> {
    fn new(quota: Quota) -> Self {
        Self(RateLimiter::keyed(quota))
    }

    fn take(&self, key: &K) -> Result<(), Duration> {
        if self.0.len() >= MANY {
            self.0.retain_recent();
        }
        self.0.check_key(key).map_err(|until| until.wait_time_from(DefaultClock::default().now()))
    }
}

/// What one client can be reached under: an address, and of IPv6 the whole network that one gets.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rates() -> Rates {
        let number = |number| NonZeroU32::new(number).expect("above zero");
        Rates::new(Quotas { sign_ins_per_minute: number(5), calls_per_second: number(2), waiting_calls: number(1) })
    }

    #[test]
    fn guessing_ends_by_address_and_by_name() {
        let rates = rates();
        let address = |last: u8| IpAddr::from([203, 0, 113, last]);
        assert_eq!((0..20).filter(|_| rates.sign_in(address(1), "anna").is_ok()).count(), 5);
        assert_eq!(
            (2..60).filter(|last| rates.sign_in(address(*last), " Anna ").is_ok()).count(),
            10,
            "many addresses"
        );
        assert!(rates.sign_in(address(99), "anna").expect_err("refused") > Duration::ZERO);
        assert!(rates.sign_in(address(100), "berta").is_ok());
    }

    #[test]
    fn a_network_of_ipv6_is_one_client() {
        let rates = rates();
        let address = |last: u16| IpAddr::from([0x2001, 0xdb8, 0, 1, 0, 0, 0, last]);
        assert_eq!((0..20).filter(|last| rates.sign_in(address(*last), &last.to_string()).is_ok()).count(), 5);
        assert!(rates.sign_in("2001:db8:0:2::1".parse().expect("an address"), "other").is_ok());
    }

    #[test]
    fn callers_do_not_take_from_each_other() {
        let rates = rates();
        let many = |caller| (0..100).filter(|_| rates.call_of(caller).is_ok()).count();
        assert_eq!([CallerId::User(1), CallerId::Token(1), CallerId::User(2)].map(many), [20, 20, 20]);
        let address = IpAddr::from([203, 0, 113, 1]);
        assert_eq!((0..200).filter(|_| rates.call_from(address).is_ok()).count(), 80);
    }
}
