//! The HTTP connections that all SDK clients share.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_http_client::{Connector, proxy::ProxyConfig};
use aws_smithy_runtime_api::client::http::{
    HttpConnectorSettings, SharedHttpClient, SharedHttpConnector, http_client_fn,
};

use crate::local::environment::Environment;

/// The SDK's own default.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_millis(3100);

/// S3 closes idle connections after about 20 s; hyper would keep them for 90 s and then fail on them
/// (aws-sdk-rust #1417).
const IDLE_TIMEOUT: Duration = Duration::from_secs(15);

/// The connections, made when they are first needed: reading the platform's certificates takes milliseconds that a
/// cached session does not have to pay.
#[derive(Clone, Debug)]
pub(super) struct Connections(Arc<LazyLock<SharedHttpConnector, Box<dyn FnOnce() -> SharedHttpConnector + Send>>>);

impl Connections {
    /// Proxies as `HTTPS_PROXY`, `NO_PROXY` and the like say, except in the demo, which never leaves this machine.
    /// `AWS_CA_BUNDLE` adds certificates (AWS SDKs and Tools Reference Guide, "General configuration settings").
    pub(super) fn new(environment: &Environment) -> Self {
        let in_demo = environment.get("XSW_DEMO").is_some();
        let proxy = if in_demo { ProxyConfig::disabled() } else { ProxyConfig::from_env() };
        let bundle = environment.path("AWS_CA_BUNDLE");
        Self::made(proxy, CONNECT_TIMEOUT, move || tls(bundle.as_deref()))
    }

    /// For services of this very machine, such as the instance metadata: no proxy stands between, and whoever is there
    /// answers at once.
    pub(super) fn of_this_machine() -> Self {
        Self::made(ProxyConfig::disabled(), Duration::from_secs(1), TlsContext::default)
    }

    fn made(proxy: ProxyConfig, patience: Duration, trust: impl FnOnce() -> TlsContext + Send + 'static) -> Self {
        Self(Arc::new(LazyLock::new(Box::new(move || {
            let settings = HttpConnectorSettings::builder().connect_timeout(patience).build();
            let connector = Connector::builder()
                .tls_provider(Provider::Rustls(CryptoMode::Ring))
                .tls_context(trust())
                .connector_settings(settings)
                .proxy_config(proxy)
                .pool_idle_timeout(IDLE_TIMEOUT);
            SharedHttpConnector::new(connector.build())
        }))))
    }

    /// For a request that no SDK client makes.
    pub(super) fn connector(&self) -> &SharedHttpConnector {
        &self.0
    }

    /// For the SDK's clients.
    pub(super) fn client(&self) -> SharedHttpClient {
        let connections = self.clone();
        http_client_fn(move |_settings, _components| connections.connector().clone())
    }
}

fn tls(bundle: Option<&std::path::Path>) -> TlsContext {
    let mut trust = TrustStore::default();
    if let Some(path) = bundle {
        match std::fs::read(path) {
            Ok(pem) => _ = trust.add_pem_certificate(pem),
            Err(error) => tracing::warn!(%error, "AWS_CA_BUNDLE cannot be read"),
        }
    }
    TlsContext::builder().with_trust_store(trust).build().unwrap_or_default()
}
