//! HTTP to servers: the client of `object_store`, and requests that it has no call for, with its
//! signers.

use std::time::Duration;

use async_trait::async_trait;
use http_body_util::BodyExt;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector as Connector;
use hyper_util::rt::TokioExecutor;
use object_store::ClientOptions;
use object_store::aws::{AwsAuthorizer, AwsCredential};
use object_store::azure::{AzureAccessKey, AzureAuthorizer, AzureCredential};
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpRequestBody,
    HttpResponse, HttpResponseBody, HttpService,
};
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};
use sparkproof_base::error::{Error, ErrorContext, Result};
use sparkproof_catalog::StoreKind;

use super::{Credentials, StoreRecord};

/// Time limit of one request.
const DEADLINE: Duration = Duration::from_secs(60);

/// A client for `object_store` and for this crate. `object_store`'s own would add a second
/// cryptography library.
#[derive(Debug, Clone)]
pub(super) struct Http(Client<HttpsConnector<Connector>, HttpRequestBody>);

impl Http {
    /// A client for an endpoint. With TLS it trusts the host's authorities, and that in
    /// `SSL_CERT_FILE`.
    pub(super) fn to(endpoint: &str) -> Result<Self> {
        let mut roots = RootCertStore::empty();
        if endpoint.starts_with("https:") {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
        let config = ClientConfig::builder_with_provider(ring::default_provider().into())
            .with_safe_default_protocol_versions()
            .or_internal("making an HTTP client")?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let connector =
            HttpsConnectorBuilder::new().with_tls_config(config).https_or_http().enable_http1();
        Ok(Http(Client::builder(TokioExecutor::new()).build(connector.build())))
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
        let response = self.call(request).await.or_environment(what())?;
        let status = response.status().as_u16();
        let bytes = response.into_body().bytes().await.or_environment(what())?;
        Ok((status, String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// The text of a successful GET without a signature.
    pub(super) async fn get(&self, url: &str) -> Result<String> {
        let what = || format!("asking {url}");
        let request = http::Request::get(url).body(HttpRequestBody::empty());
        let response = self.call(request.or_internal(what())?).await.or_environment(what())?;
        let status = response.status();
        let bytes = response.into_body().bytes().await.or_environment(what())?;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if status.is_success() { Ok(text) } else { Err(refused(&what(), status.as_u16(), &text)) }
    }
}

impl HttpConnector for Http {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}

#[async_trait]
impl HttpService for Http {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let answered = tokio::time::timeout(DEADLINE, self.0.request(request));
        let response = match answered.await {
            Ok(answered) => answered.map_err(|e| {
                let kind = match e.is_connect() {
                    true => HttpErrorKind::Connect,
                    false => HttpErrorKind::Request,
                };
                HttpError::new(kind, e)
            })?,
            Err(late) => return Err(HttpError::new(HttpErrorKind::Timeout, late)),
        };
        let failed = |e| HttpError::new(HttpErrorKind::Interrupted, e);
        Ok(response.map(|body| HttpResponseBody::new(body.map_err(failed))))
    }
}

/// The error for a refused request, with the server's answer in one line.
pub(super) fn refused(what: &str, status: u16, text: &str) -> Error {
    let said: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let said: String = said.chars().take(300).collect();
    Error::environment(format!("{what}: status {status}, {said}"))
}
