#include "infra/base/seam.h"

void seam_reached(const char *point)
{
    (void)point;
}
