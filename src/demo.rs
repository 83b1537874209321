//! The embedded cloud: STS and S3 in this process, on 127.0.0.1 and a random port.
