/* The certificates of the authorities that are trusted. */
#ifndef RINGBACK_INFRA_AWS_CA_BUNDLE_H
#define RINGBACK_INFRA_AWS_CA_BUNDLE_H

/*
 * The path of a PEM file: AWS_CA_BUNDLE, else the first that can be read of the places where
 * distributions keep theirs (one program runs on all of them: AWS Lambda has Amazon Linux's), else
 * NULL, for the TLS library's own default. Lives as long as the environment.
 */
const char *ca_bundle_path(char *const *environment);

#endif
