//! HTTP to servers: what `object_store` calls through, and requests it has no call for, signed by
//! its own signers. Plain HTTP: our servers' addresses are on a bridge of this host.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http_body_util::BodyExt;
use object_store::ClientOptions;
use object_store::aws::{AwsAuthorizer, AwsCredential};
use object_store::azure::{AzureAccessKey, AzureAuthorizer, AzureCredential};
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpRequestBody,
    HttpResponse, HttpResponseBody, HttpService,
};

use super::{Credentials, StoreKind};
use crate::error::{Error, OrFail, Result};

/// S3's region for servers that have none.
pub(super) const REGION: &str = "us-east-1";
/// The longest one request may take.
const DEADLINE: Duration = Duration::from_secs(60);

/// A client of ours for `object_store`.
#[derive(Debug, Clone)]
pub(super) struct Http(reqwest::Client);

impl Http {
    pub(super) fn new() -> Result<Self> {
        let client = reqwest::Client::builder().timeout(DEADLINE).no_proxy().build();
        Ok(Http(client.or_internal("making an HTTP client")?))
    }

    /// Status and text of a signed request without a body.
    pub(super) async fn signed(
        &self,
        kind: StoreKind,
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
        match kind {
            StoreKind::Azure => {
                let key = AzureAccessKey::try_new(&credentials.key).or_input("Azure's key")?;
                let credential = AzureCredential::AccessKey(key);
                AzureAuthorizer::new(&credential, &credentials.account)
                    .try_authorize(&mut request)
                    .or_internal("signing for Azure")?;
            }
            _ => {
                let credential = AwsCredential {
                    key_id: credentials.account.clone(),
                    secret_key: credentials.key.clone(),
                    token: None,
                };
                AwsAuthorizer::new(&credential, "s3", REGION)
                    .try_authorize(&mut request, None)
                    .or_internal("signing for S3")?;
            }
        }
        let response = self.call(request).await.or_environment(what())?;
        let status = response.status().as_u16();
        let bytes = response.into_body().bytes().await.or_environment(what())?;
        Ok((status, String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// Text of a plain GET that succeeds.
    pub(super) async fn get(&self, url: &str) -> Result<String> {
        let answer = async { self.0.get(url).send().await?.error_for_status()?.text().await };
        answer.await.or_environment(format!("asking {url}"))
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
        let (parts, body) = request.into_parts();
        let url = parts.uri.to_string().parse();
        let url = url.map_err(|e| HttpError::new(HttpErrorKind::Unknown, Words::of(e)))?;
        let body: Bytes = body.collect().await?.to_bytes();
        let mut request = reqwest::Request::new(parts.method, url);
        *request.headers_mut() = parts.headers;
        *request.body_mut() = Some(body.into());
        let response = self.0.execute(request).await.map_err(failed)?;
        let mut answer = http::Response::builder().status(response.status());
        if let Some(headers) = answer.headers_mut() {
            *headers = response.headers().clone();
        }
        let body = HttpResponseBody::from(response.bytes().await.map_err(failed)?);
        answer.body(body).map_err(|e| HttpError::new(HttpErrorKind::Unknown, e))
    }
}

/// What decides whether `object_store` tries again.
fn failed(error: reqwest::Error) -> HttpError {
    let kind = match () {
        () if error.is_timeout() => HttpErrorKind::Timeout,
        () if error.is_connect() => HttpErrorKind::Connect,
        () if error.is_decode() => HttpErrorKind::Decode,
        () => HttpErrorKind::Request,
    };
    HttpError::new(kind, error)
}

/// An error known by its words.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Words(String);

impl Words {
    fn of(error: impl std::fmt::Display) -> Self {
        Words(error.to_string())
    }
}

/// What a server that refused said, in one line.
pub(super) fn refused(what: &str, status: u16, text: &str) -> Error {
    let said: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let said: String = said.chars().take(300).collect();
    Error::environment(format!("{what}: status {status}, {said}"))
}
