/* Writing the XML of S3, SNS and STS. */
#ifndef RINGBACK_INFRA_LOCAL_XML_H
#define RINGBACK_INFRA_LOCAL_XML_H

#include "infra/base/buffer.h"
#include "infra/base/slice.h"

/* Appends <name>text</name> with the text escaped. Control characters XML 1.0 cannot hold become
 * spaces. */
void xml_append_element(struct buffer *out, const char *name, struct slice text);

#endif
