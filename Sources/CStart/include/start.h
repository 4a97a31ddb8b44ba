// Nothing to call: linking this target is enough. See start.c.
#ifndef CSTART_H
#define CSTART_H
#endif
