// Package cardfile reads the card files of bureaus and card makers, CSV in UTF-8 or GB18030 and XLSX, row by
// row; it writes the list of rejected rows, and files of made-up cards. What the rows mean is the root's to
// say.
package cardfile
