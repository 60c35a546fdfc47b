-- statements: 8
/* open */ BEGIN WORK;
COMMIT WORK;
Start Transaction isolation level serializable, read only;
Rollback; -- nothing; to undo
begin read write;
end transaction;
begin isolation level repeatable read;
ABORT;
