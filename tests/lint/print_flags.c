/* SPDX-License-Identifier: ISC
 *
 * Prints the flag table for flags-doc, which compares it with the manual.
 */
#include <stdio.h>

#include "cli/options.h"

int
main(void)
{
	const char *argument, *purpose;
	char letter;
	size_t i;

	for (i = 0; (purpose = options_describe(i, &letter, &argument)) != NULL;
	    i++)
		printf("-%c%s: %s\n", letter, argument, purpose);
	return 0;
}
