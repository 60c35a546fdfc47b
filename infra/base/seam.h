/*
 * Points where a crash would hurt most. In the program they do nothing; a test links its own
 * seam_reached, which wins over the one in the library, and dies there.
 */
#ifndef RINGBACK_INFRA_BASE_SEAM_H
#define RINGBACK_INFRA_BASE_SEAM_H

/* "committed": a decision is in the tracker, nothing has been sent. "acted": an answer has come
 * back, nothing of it is in the tracker. */
void seam_reached(const char *point);

#endif
