//! A certificate authority for one server, and the server's certificate.

use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose, SanType,
};
use sparkproof_base::context::Context;
use sparkproof_base::error::{ErrorContext, Result};

/// Validity in days: a cluster of `up` may be used for long.
const DAYS: i64 = 90;

/// Certificates and key, in PEM.
#[derive(Clone)]
pub(super) struct Certificate {
    /// The authority's certificate. Its key is discarded, so it signs nothing else.
    pub(super) authority: String,
    /// The server's certificate.
    pub(super) certificate: String,
    /// The server's key.
    pub(super) key: String,
}

/// As [`issue`], with the server's key registered as a secret, and the authority's certificate in a
/// file in the server's private directory.
pub(super) fn issue_into(
    context: &Context,
    dir: &Path,
    names: &[String],
) -> Result<(Certificate, PathBuf)> {
    let issued = issue(names)?;
    context.recorder.secrets().register(&issued.key);
    let path = dir.join("ca.pem");
    fs_err::write(&path, &issued.authority).or_environment("writing a certificate")?;
    Ok((issued, path))
}

/// Creates an authority and its certificate for these host names and addresses.
fn issue(names: &[String]) -> Result<Certificate> {
    let what = "issuing a certificate";
    let valid = |params: &mut CertificateParams| {
        let now = std::time::SystemTime::now();
        // Valid from yesterday, since a node's clock may be behind.
        params.not_before = (now - std::time::Duration::from_secs(3600)).into();
        params.not_after = (now + std::time::Duration::from_secs(DAYS as u64 * 86_400)).into();
    };
    let authority_key = KeyPair::generate().or_internal(what)?;
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "sparkproof test authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    valid(&mut params);
    let authority = params.self_signed(&authority_key).or_internal(what)?;
    let issuer = Issuer::new(params, authority_key);

    let key = KeyPair::generate().or_internal(what)?;
    let mut params = CertificateParams::default();
    let name = names.first().map_or("store", String::as_str);
    params.distinguished_name.push(DnType::CommonName, name);
    for name in names {
        params.subject_alt_names.push(match name.parse() {
            Ok(address) => SanType::IpAddress(address),
            Err(_) => SanType::DnsName(name.as_str().try_into().or_internal(what)?),
        });
    }
    valid(&mut params);
    let certificate = params.signed_by(&key, &issuer).or_internal(what)?;
    Ok(Certificate {
        authority: authority.pem(),
        certificate: certificate.pem(),
        key: key.serialize_pem(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_addresses_are_both_possible() {
        let names = ["devstoreaccount1.azure".to_owned(), "172.18.0.3".to_owned()];
        let issued = issue(&names).expect("issued");
        assert!(issued.certificate.starts_with("-----BEGIN CERTIFICATE-----"));
        assert!(issued.key.contains("PRIVATE KEY") && issued.authority != issued.certificate);
    }
}
