#include "raw_call.h"
