//! Addresses of this host.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use sparkproof_base::error::{ErrorContext, Result};

/// Whether an address is one of this host: a socket can be bound to it.
pub fn is_own(address: IpAddr) -> bool {
    UdpSocket::bind((address, 0)).is_ok()
}

/// The address that this host uses towards another. Connecting a UDP socket sends nothing.
///
/// # Errors
/// Environment: there is no route.
pub fn towards(target: SocketAddr) -> Result<IpAddr> {
    let any: IpAddr = match target {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0)).or_environment("opening a socket")?;
    socket.connect(target).or_environment(format!("finding the route to {target}"))?;
    Ok(socket.local_addr().or_environment("reading the local address")?.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_knows_its_own_addresses() {
        let here = IpAddr::from([127, 0, 0, 1]);
        assert!(is_own(here));
        // Reserved for documentation (RFC 5737).
        assert!(!is_own([203, 0, 113, 77].into()));
        assert_eq!(towards((here, 1).into()).expect("a route"), here);
    }
}
