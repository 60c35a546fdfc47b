/* Whether the file of an SQLite tracker is where its locks and its records hold. */
#ifndef RINGBACK_INFRA_DOCTOR_FILE_SYSTEM_H
#define RINGBACK_INFRA_DOCTOR_FILE_SYSTEM_H

#include "infra/doctor/findings.h"

/* type: f_type of statfs(2). Pure. */
void file_system_judge(struct findings *findings, const char *path, unsigned type);

/* "PATH" of "sqlite:PATH"; NULL: another tracker. */
const char *file_system_path(const char *tracker_url);
/* Looks at the file, or at its folder while there is no file yet. */
void file_system_examine(struct findings *findings, const char *path);

#endif
