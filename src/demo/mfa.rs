//! Virtual MFA devices: time-based codes of six digits by RFC 6238, each good once.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Mutex;

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

use super::random;
use super::state::locked;

/// Seconds for which a code is shown.
const WINDOW: i64 = 30;

/// All devices of a cloud.
pub(super) struct Devices {
    devices: HashMap<String, Device>,
}

struct Device {
    user_arn: String,
    seed: Vec<u8>,
    /// The windows whose code was taken.
    taken: Mutex<HashSet<i64>>,
}

// Who has the seed has every code.
impl fmt::Debug for Devices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Devices").field("count", &self.devices.len()).finish_non_exhaustive()
    }
}

impl Devices {
    /// Devices with new seeds, for these serial numbers and users.
    pub(super) fn new(owners: &HashMap<String, String>) -> Devices {
        let devices = owners.iter().map(|(serial, user_arn)| {
            let device = Device { user_arn: user_arn.clone(), seed: random::bytes(20), taken: Mutex::default() };
            (serial.clone(), device)
        });
        Devices { devices: devices.collect() }
    }

    /// A code that would be taken at `now` (seconds since 1970): the present one, else the one before, else none.
    pub(super) fn code(&self, serial: &str, now: i64) -> Option<String> {
        let device = self.devices.get(serial)?;
        let taken = locked(&device.taken);
        let window = now.div_euclid(WINDOW);
        let free = [window, window - 1].into_iter().find(|window| !taken.contains(window))?;
        Some(totp(&device.seed, free))
    }

    /// Takes a code of the user's device. A code of the present window or the one before counts, once.
    pub(super) fn take(&self, serial: &str, user_arn: &str, code: &str, now: i64) -> bool {
        let Some(device) = self.devices.get(serial).filter(|device| device.user_arn == user_arn) else {
            return false;
        };
        let window = now.div_euclid(WINDOW);
        let fits = [window, window - 1].into_iter().find(|window| totp(&device.seed, *window) == code);
        fits.is_some_and(|window| locked(&device.taken).insert(window))
    }
}

/// RFC 6238 over RFC 4226: HMAC-SHA-1 of the window's number, cut to six digits.
fn totp(seed: &[u8], window: i64) -> String {
    let mut mac = Hmac::<Sha1>::new_from_slice(seed).expect("HMAC takes keys of every length");
    mac.update(&window.to_be_bytes());
    let digest = mac.finalize().into_bytes();
    let offset = usize::from(digest[19] & 0x0f);
    let word = [digest[offset] & 0x7f, digest[offset + 1], digest[offset + 2], digest[offset + 3]];
    format!("{:06}", u32::from_be_bytes(word) % 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_rfc_6238() {
        // Appendix B, cut from eight digits to six.
        let seed = b"12345678901234567890";
        for (time, code) in [(59, "287082"), (1_111_111_109, "081804"), (1_234_567_890, "005924")] {
            assert_eq!(totp(seed, time / WINDOW), code);
        }
    }

    #[test]
    fn a_code_is_taken_once() {
        let owners = HashMap::from([("mfa".to_owned(), "user".to_owned())]);
        let devices = Devices::new(&owners);
        let code = devices.code("mfa", 1000).unwrap();
        assert!(!devices.take("mfa", "other", &code, 1000));
        assert!(devices.take("mfa", "user", &code, 1000));
        assert!(!devices.take("mfa", "user", &code, 1000));
        let before = devices.code("mfa", 1000).unwrap();
        assert!(!devices.take("mfa", "user", &before, 1000 + 60));
        assert!(devices.take("mfa", "user", &before, 1000));
        assert_eq!(devices.code("mfa", 1000), None);
    }
}
