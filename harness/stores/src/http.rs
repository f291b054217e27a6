//! HTTP to servers: the client of `object_store`, and requests that it has no call for, with its
//! signers.

use std::time::Duration;

use object_store::ClientOptions;
use object_store::aws::{AwsAuthorizer, AwsCredential};
use object_store::azure::{AzureAccessKey, AzureAuthorizer, AzureCredential};
use object_store::client::{HttpClient, HttpConnector, HttpError, HttpRequest, HttpRequestBody};
use sparkproof_base::error::{Error, ErrorContext, Result};
use sparkproof_catalog::StoreKind;
use sparkproof_machine::http::{direct, outward};

use super::{Credentials, Placement, StoreRecord};

/// Time limit for an answer to begin, and for each further part of it.
const DEADLINE: Duration = Duration::from_secs(60);

/// A client for `object_store` and for this crate.
#[derive(Debug, Clone)]
pub(super) struct Http(HttpClient);

impl Http {
    /// A client for a server. With TLS it trusts the host's authorities, and that in
    /// `SSL_CERT_FILE`.
    pub(super) fn to(record: &StoreRecord) -> Result<Self> {
        let builder = match (&record.placement, record.endpoint.starts_with("https:")) {
            (Placement::Own, true) => outward(),
            (Placement::Own, false) => outward().tls_certs_only([]),
            _ => direct(),
        };
        let client = builder.http1_only().read_timeout(DEADLINE).build();
        Ok(Http(HttpClient::new(client.or_environment("making an HTTP client")?)))
    }

    /// Sends a signed request without a body; returns status and text.
    pub(super) async fn signed(
        &self,
        record: &StoreRecord,
        credentials: &Credentials,
        method: http::Method,
        url: &str,
    ) -> Result<(u16, String)> {
        let what = || format!("asking {url}");
        let mut request = http::Request::builder()
            .method(method)
            .uri(url)
            .header(http::header::CONTENT_LENGTH, "0")
            .body(HttpRequestBody::empty())
            .or_internal(what())?;
        match record.kind {
            StoreKind::Azure => {
                let key = AzureAccessKey::try_new(credentials.key()).or_input("Azure's key")?;
                let credential = AzureCredential::AccessKey(key);
                AzureAuthorizer::new(&credential, &credentials.account)
                    .try_authorize(&mut request)
                    .or_internal("signing for Azure")?;
            }
            _ => {
                let credential = AwsCredential {
                    key_id: credentials.account.clone(),
                    secret_key: credentials.key().to_owned(),
                    token: None,
                };
                AwsAuthorizer::new(&credential, "s3", record.region())
                    .try_authorize(&mut request, None)
                    .or_internal("signing for S3")?;
            }
        }
        self.asked(request).await.or_environment(what())
    }

    /// The text of a successful GET without a signature.
    pub(super) async fn get(&self, url: &str) -> Result<String> {
        let what = || format!("asking {url}");
        let request = http::Request::get(url).body(HttpRequestBody::empty());
        match self.asked(request.or_internal(what())?).await.or_environment(what())? {
            (200, text) => Ok(text),
            (status, text) => Err(refused(&what(), status, &text)),
        }
    }

    async fn asked(&self, request: HttpRequest) -> Result<(u16, String), HttpError> {
        let response = self.0.execute(request).await?;
        let status = response.status().as_u16();
        let bytes = response.into_body().bytes().await?;
        Ok((status, String::from_utf8_lossy(&bytes).into_owned()))
    }
}

impl HttpConnector for Http {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(self.0.clone())
    }
}

/// The error for a refused request, with the server's answer in one line.
pub(super) fn refused(what: &str, status: u16, text: &str) -> Error {
    let said: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let said: String = said.chars().take(300).collect();
    Error::environment(format!("{what}: status {status}, {said}"))
}
