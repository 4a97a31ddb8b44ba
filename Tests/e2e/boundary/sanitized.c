// For the sanitizers, each of which wants addresses of its own at fixed places: four threads that race for a counter, an overflow, a word
// that nobody has set, and with an argument of 100 a read behind the end of a heap block.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int counter;
static void *count(void *unused) {
  for (int i = 0; i < 1000; i++) counter++;
  return unused;
}

int main(int words, char **word) {
  pthread_t threads[4];
  for (int i = 0; i < 4; i++) pthread_create(&threads[i], 0, count, 0);
  for (int i = 0; i < 4; i++) pthread_join(threads[i], 0);
  char *block = malloc(100);
  memset(block, 1, 100);
  printf("%d\n", block[words > 1 ? atoi(word[1]) : 0] != 77);
  fflush(stdout);
  int large = 0x7fffffff;
  large += words;
  printf("%d\n", large);
  free(block);
  int *fresh = malloc(sizeof *fresh);
  if (*fresh == 0x12345678) puts("set");   // a branch: MemorySanitizer does not mind a value that is only passed on
  free(fresh);
  return 0;
}
